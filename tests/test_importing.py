"""Modules that take long to import are imported by one thread at a time."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autointerp.importing import import_alone

SLOW = """
import time, {log}
{log}.seen.append("begin")
time.sleep(0.2)
{log}.seen.append("end")
"""


def test_nobody_sees_what_another_thread_has_imported_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "log_of_imports.py").write_text("seen = []\n")
    names = ("slow_one", "slow_two")
    for name in names:
        (tmp_path / f"{name}.py").write_text(SLOW.format(log="log_of_imports"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(import_alone, names))

    assert sys.modules["log_of_imports"].seen == ["begin", "end", "begin", "end"]
