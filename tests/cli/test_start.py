"""The command starts fast, describes itself, and ends with the right code."""

import subprocess
import sys

import pytest

from autointerp import __version__
from tests.cli.conftest import Run

HEAVY = ("torch", "transformers", "sae_lens", "openai", "anthropic", "dbos", "uvicorn", "sklearn")
COMMANDS = [
    "demo",
    "run",
    "harvest",
    "explain",
    "score",
    "features",
    "show",
    "summary",
    "compare",
    "agreement",
    "serve",
    "worker",
    "export",
    "endpoints",
    "db",
]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from autointerp.cli import app\n"
        "try:\n    app(['--help'])\n"
        f"finally:\n    print('loaded:', [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "loaded: []" in done.stderr


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help").stdout

    assert [name for name in COMMANDS if name not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_describes_itself(run: Run, command: str) -> None:
    done = run(command, "--help")

    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"autointerp {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["features", "--no-such-option"],
        ["features", "--order", "colour"],
        ["features", "--limit", "0"],
        ["show"],
        ["serve", "--port", "70000"],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
