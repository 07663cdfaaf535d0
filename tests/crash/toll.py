"""What the language-model server was asked: by which worker, when, and how often the same."""

import json
import subprocess
import sys
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash import llm_server

ROOT = Path(__file__).parents[2]
SHORTEST, LONGEST = 0.05, 0.2  # seconds that an answer takes


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `answered` None: not yet."""

    worker: str
    body: str
    asked: float
    answered: float | None


@dataclass(frozen=True, slots=True)
class Toll:
    """The server's address, and its notes: a file for each model."""

    url: str
    notes: Path

    def calls(self, model: str) -> list[Call]:
        """What this model was asked, oldest first."""
        file = self.notes / f"{model}.jsonl"
        found: dict[int, Call] = {}
        for text in file.read_text().splitlines() if file.exists() else ():
            line = json.loads(text)
            number, moment = line["number"], line["at"]
            if "body" in line:
                found[number] = Call(line["worker"], line["body"], moment, None)
            else:
                found[number] = replace(found[number], answered=moment)
        return list(found.values())

    def count(self, model: str) -> int:
        """How often this model was asked."""
        return len(self.calls(model))

    def paid_again(self, model: str) -> int:
        """How many requests to this model were made before."""
        calls = self.calls(model)
        return len(calls) - len({call.body for call in calls})

    def in_flight(self, model: str, moment: float, *, killed: Collection[str] | None, storing: float = 0.0) -> int:
        """How many requests the server had not answered at a moment, or less than `storing` seconds before.

        Of workers that were killed then, what they had sent and the server read later is among them; `killed` None: no
        worker was.
        """
        calls = [one for one in self.calls(model) if one.answered is None or one.answered > moment - storing]
        if killed is None:
            return sum(one.asked <= moment for one in calls)
        return sum(one.worker in killed for one in calls)


@contextmanager
def asked(folder: Path) -> Generator[Toll]:
    """Run the server for as long as the block; its notes are in a new folder in `folder`."""
    notes = folder / "asked"
    notes.mkdir()
    command = [sys.executable, "-m", llm_server.__name__, str(notes), str(SHORTEST), str(LONGEST)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Toll(process.stdout.readline().strip(), notes)
        finally:
            process.terminate()
