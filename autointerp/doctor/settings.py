"""What is set: variables that mean nothing, and a file with keys that others can read."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from autointerp.doctor.findings import Finding, fine, warning
from autointerp.settings import FILE, Settings, WorkerSettings

PREFIX = "AUTOINTERP_"
OTHERS = frozenset({"LIVE"})  # variables of the tests


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Check the environment and the settings file."""
    unknown = tuple(unknown_variables(os.environ))
    for name in unknown:
        yield warning("settings", f"the variable {name} sets nothing", "correct its name, or unset it")
    file = Path(FILE)
    if file.is_file() and _holds_keys(file) and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warning("settings", f"{FILE} holds a key and others can read it", f"chmod 600 {FILE}")
    elif not unknown:
        source = f"the environment and {FILE}" if file.is_file() else "the environment"
        yield fine("settings", f"read from {source}; data in {settings.data_dir}")


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables that look like settings and are none; they are ignored, and so easily misspelt."""
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and not _known(name.upper().removeprefix(PREFIX).lower().split("__")):
            yield name


def _known(path: list[str]) -> bool:
    if path[0].partition("_")[0].upper() in OTHERS:
        return True
    if path[0] not in Settings.model_fields:
        return False
    return path[0] != "worker" or len(path) == 1 or path[1] in WorkerSettings.model_fields


def _holds_keys(file: Path) -> bool:
    return "api_key" in file.read_text(encoding="utf-8", errors="replace")
