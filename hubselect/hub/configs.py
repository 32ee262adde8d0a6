"""A model's config.json into the cache, verified and parsed as plain JSON: no modelling library reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hubselect.errors import CheckpointBroken, DownloadIncomplete
from hubselect.hub.client import hub_endpoint, hub_errors, hub_token
from hubselect.hub.failures import storing
from hubselect.hub.patience import persistent
from hubselect.hub.verified import drop, has_content
from hubselect.hub.weights import RepoFile

_ANOTHER = "choose another model or revision"


def read_config(repo_id: str, sha: str, stated: RepoFile) -> dict[str, Any]:
    """config.json at a commit, parsed. Raises HubError's classes, `DownloadIncomplete` for content that is
    not what the Hub states, `StorageFailed`, and `CheckpointBroken` when it is not a JSON object."""
    path = _fetch_config(repo_id, sha)
    if not has_content(path, stated):  # damaged in the cache or on the way: once more
        drop(path)
        path = _fetch_config(repo_id, sha)
    if not has_content(path, stated):
        drop(path)
        raise DownloadIncomplete(
            f"config.json of {repo_id} does not match the Hub's hash and was removed",
            "repeat to fetch it again; if it happens again, the repository or a mirror is damaged",
        )
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError, RecursionError) as error:  # the last: brackets nested without end
        raise CheckpointBroken(f"config.json of {repo_id} is not JSON: {error}", _ANOTHER) from error
    if not isinstance(config, dict):
        raise CheckpointBroken(f"config.json of {repo_id} is not a JSON object", _ANOTHER)
    return config


def _fetch_config(repo_id: str, sha: str) -> Path:
    from huggingface_hub import constants, hf_hub_download

    with storing(repo_id, Path(constants.HF_HUB_CACHE)), hub_errors(repo_id, revision=sha):
        path = persistent(
            lambda: hf_hub_download(
                repo_id,
                "config.json",
                revision=sha,
                endpoint=hub_endpoint(),
                token=hub_token(),
                library_name="hubselect",
            ),
            rate_limits=False,
        )
    return Path(path)
