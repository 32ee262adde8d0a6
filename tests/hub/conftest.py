"""The Hub's client keeps the endpoint it was imported under: import it before tests change it."""

import huggingface_hub.constants  # noqa: F401
