"""The folder of a harvest's shard files, keyed by its id, and the notes beside each shard."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of one piece of work: attempts so far, and the seconds of the one that succeeded."""

    attempts: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """Where the workers of one harvest meet; on many machines it must be a shared folder."""

    path: Path

    @classmethod
    def of(cls, data_dir: Path, harvest_id: str) -> "ShardFolder":
        """The folder of a harvest under the data folder; a resumed harvest finds its shards there."""
        return cls(data_dir / "shards" / harvest_id)

    def read(self, name: str) -> Note:
        """Return the note of `name`; an empty one when there is none."""
        try:
            return Note(**json.loads(self._note(name).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return Note()

    def write(self, name: str, note: Note) -> None:
        """Keep `note`, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self._note(name).with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(asdict(note)))
        temporary.replace(self._note(name))

    def forget(self, name: str) -> None:
        """Drop the note of `name`, so that its attempts count from none."""
        self._note(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _note(self, name: str) -> Path:
        return self.path / f"{name}.note.json"


@dataclass(frozen=True, slots=True)
class NoteTally:
    """Counts the attempts at one piece of work in its note."""

    folder: ShardFolder
    name: str

    def begin(self) -> int:
        """Count one more attempt and return how many there are."""
        return self._count(1)

    def take_back(self) -> None:
        """Count one attempt less: it was interrupted, not failed."""
        self._count(-1)

    def _count(self, change: int) -> int:
        note = self.folder.read(self.name)
        self.folder.write(self.name, Note(attempts=note.attempts + change, seconds=note.seconds))
        return note.attempts + change
