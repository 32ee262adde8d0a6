"""The performance matrix composed: which cells are missing, and how they are filled."""
