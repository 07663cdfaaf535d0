"""Asks the Hugging Face hub, once and briefly, whether a repository can be had."""

from pathlib import Path
from typing import Literal

import httpx2
from huggingface_hub import CachedRepoInfo, HfApi, constants, scan_cache_dir
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


def dataset_commit(name: str, revision: str | None) -> str:
    """Return the commit that a data set stands at on the hub, or in its cache where the hub is out of reach."""
    if not only_local(name, revision, kind="dataset"):
        try:
            return str(HfApi().dataset_info(name, revision=revision, timeout=SECONDS).sha)
        except (HfHubHTTPError, *UNREACHABLE) as error:
            raise Absent(f"the hub does not say which commit {revision or 'its newest revision'} is") from error
    found = _in_cache(name, "dataset")
    commits = {ref: at.commit_hash for repo in found for ref, at in repo.refs.items()}
    held = {at.commit_hash for repo in found for at in repo.revisions}
    wanted = revision or "main"
    if wanted not in commits and wanted not in held:
        raise Absent(f"the hub is out of reach, and its cache does not hold revision {wanted!r}")
    return commits.get(wanted, wanted)


def _cached(name: str, kind: str, why: str) -> bool:
    if _in_cache(name, kind):
        return True
    raise Absent(f"there is no folder {name}, {why}, and its cache does not hold it")


def _in_cache(name: str, kind: str) -> list[CachedRepoInfo]:
    try:
        return [repo for repo in scan_cache_dir().repos if repo.repo_id == name and repo.repo_type == kind]
    except CacheNotFound:
        return []
