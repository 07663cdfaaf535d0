"""Compiled loops are kept on disk, made anew when anything in them changes, and work where nothing can be kept."""

import os
import subprocess
import sys
from pathlib import Path

INNER = """
from autointerp.compiled import compiled

STEP = {step}

@compiled
def inner(number: int) -> int:
    return number + {added}
"""
MIDDLE = """
from autointerp.compiled import compiled
from inner import STEP, inner

@compiled
def middle(number: int) -> int:
    return 10 * inner(number) + STEP
"""
OUTER = """
from autointerp.compiled import compiled
from middle import middle

@compiled
def outer(number: int) -> int:
    return 100 * middle(number)
"""
RUN = "from outer import outer; print(outer(0), sum(outer.stats.cache_hits.values()))"


def started(folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """Call the outermost loop in a process of its own; it prints the result and how often the cache served."""
    # Python's own cache goes by the second in which a file was written, and these are written faster.
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.Popen([sys.executable, "-c", RUN], cwd=folder, stdout=subprocess.PIPE, text=True, env=settings)


def printed(process: "subprocess.Popen[str]") -> list[int]:
    found = [int(word) for word in process.communicate(timeout=60)[0].split()]
    assert process.returncode == 0
    return found


def write(folder: Path, *, added: int, step: int) -> None:
    (folder / "inner.py").write_text(INNER.format(added=added, step=step))
    (folder / "middle.py").write_text(MIDDLE)
    (folder / "outer.py").write_text(OUTER)


def test_what_is_kept_is_used_until_a_loop_or_a_number_of_another_file_changes(tmp_path: Path) -> None:
    write(tmp_path, added=1, step=5)
    # Two at once, on nothing kept: neither disturbs the other.
    assert [printed(process)[0] for process in [started(tmp_path), started(tmp_path)]] == [1500, 1500]
    assert printed(started(tmp_path)) == [1500, 1]

    write(tmp_path, added=2, step=5)
    assert printed(started(tmp_path)) == [2500, 0]
    write(tmp_path, added=2, step=6)
    assert printed(started(tmp_path)) == [2600, 0]


def test_loops_are_compiled_where_no_folder_can_be_written_to(tmp_path: Path) -> None:
    write(tmp_path, added=1, step=5)
    (tmp_path / "__pycache__").write_text("not a folder")
    (tmp_path / "home").write_text("not a folder")

    home = str(tmp_path / "home")

    assert printed(started(tmp_path, HOME=home, XDG_CACHE_HOME=home)) == [1500, 0]
