"""Asks the Hugging Face hub, once and briefly, whether a repository can be had."""

from pathlib import Path
from typing import Literal

import httpx2
from huggingface_hub import HfApi, constants, scan_cache_dir
from huggingface_hub.errors import (
    CacheNotFound,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

SECONDS = 5.0
UNREACHABLE = (OSError, httpx2.HTTPError)


class Absent(Exception):
    """A repository that cannot be had, in a clause saying why."""


def only_local(name: str, revision: str | None, *, kind: Literal["model", "dataset"]) -> bool:
    """Say whether `name` must be read from disk: it is a folder, or the hub is out of reach; Absent if there is none.

    Without this, the hub's client tries for minutes to reach a hub that is not there.
    """
    if Path(name).expanduser().exists():
        return True
    if constants.HF_HUB_OFFLINE:
        return _cached(name, kind, "the hub is switched off (HF_HUB_OFFLINE)")
    try:
        HfApi().repo_info(name, repo_type=kind, revision=revision, timeout=SECONDS)
    except GatedRepoError as error:
        raise Absent(f"{name} is gated: ask for access on the hub and log in with `hf auth login`") from error
    except RevisionNotFoundError as error:
        raise Absent(f"{name} has no revision {revision!r}") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise Absent(f"there is no folder {name}, and the hub has no {kind} of that name") from error
    except (HfHubHTTPError, *UNREACHABLE):
        return _cached(name, kind, "the hub cannot be reached")
    return False


def _cached(name: str, kind: str, why: str) -> bool:
    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        repos = frozenset()
    if any(repo.repo_id == name and repo.repo_type == kind for repo in repos):
        return True
    raise Absent(f"there is no folder {name}, {why}, and its cache does not hold it")
