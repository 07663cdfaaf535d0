"""The folder of a harvest's shard files, keyed by its id, and the notes beside each shard."""

import json
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from autointerp.errors import DamagedFile, Unavailable
from autointerp.harvest.location import MISSING, Location, delete, names_in, remove_folder, write_whole


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of one piece of work: attempts so far, and the seconds of the one that succeeded.

    `counted` tokens of an attempt under way are in the harvest's count, of the jobs' generation `generation`: whoever
    takes the work of a dead worker over takes them back.
    """

    attempts: int = 0
    seconds: float = 0.0
    counted: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """Where the workers of one harvest meet; on many machines a shared folder or an object store."""

    path: Location

    def read(self, name: str) -> Note:
        """Return the note of `name`; an empty one when there is none."""
        with _told(f"read in {self.path}"):
            try:
                return Note(**json.loads(self._note(name).read_bytes()))
            except (*MISSING, ValueError, TypeError):
                return Note()

    def write(self, name: str, note: Note) -> None:
        """Keep `note`, whole or not at all."""
        with _told(f"write in {self.path}"):
            write_whole(self._note(name), json.dumps(asdict(note)).encode())

    def forget(self, name: str) -> None:
        """Drop the note of `name`, so that its attempts count from none."""
        with _told(f"delete in {self.path}"):
            delete(self._note(name))

    def finished(self, shards: int) -> bool:
        """Whether every shard of the harvest is complete: its manifest is written last."""
        from autointerp.harvest.shard import manifest_path, shard_path

        with _told(f"list {self.path}"):
            found = names_in(self.path)
        return all(manifest_path(shard_path(self.path, shard, shards)).name in found for shard in range(shards))

    def drop_damaged(self, shards: int) -> tuple[int, ...]:
        """Return the shards that are missing or do not match their digest; they no longer count as finished."""
        from autointerp.harvest.shard import manifest_path, read_shard, shard_path

        damaged: list[int] = []
        for shard in range(shards):
            path = shard_path(self.path, shard, shards)
            try:
                read_shard(path)
            except DamagedFile:
                damaged.append(shard)
                with _told(f"delete in {self.path}"):
                    delete(manifest_path(path))
                self.forget(f"shard-{shard}")
        return tuple(damaged)

    def remove(self) -> None:
        """Delete the folder with everything in it."""
        with _told(f"delete {self.path}"):
            remove_folder(self.path)

    def _note(self, name: str) -> Location:
        return self.path / f"{name}.note.json"


@dataclass(frozen=True, slots=True)
class ShardStore:
    """Where the shards of all harvests are kept until they are merged, a folder for each."""

    root: Location

    def folder(self, harvest_id: str) -> ShardFolder:
        """The folder of a harvest; a resumed harvest finds its shards there."""
        return ShardFolder(self.root / harvest_id)

    def harvests(self) -> tuple[str, ...]:
        """Return the ids of the harvests that have a folder."""
        with _told(f"list {self.root}"):
            return tuple(sorted(names_in(self.root)))


@dataclass(frozen=True, slots=True)
class NoteTally:
    """Counts the attempts at one piece of work in its note."""

    folder: ShardFolder
    name: str

    def begin(self) -> int:
        """Count one more attempt and return how many there are."""
        return self._count(1)

    def take_back(self) -> None:
        """Count one attempt less: it was interrupted, not failed. One counted too many is no reason to stay."""
        with suppress(Unavailable):
            self._count(-1)

    def _count(self, change: int) -> int:
        note = self.folder.read(self.name)
        self.folder.write(self.name, replace(note, attempts=note.attempts + change))
        return note.attempts + change


@contextmanager
def _told(doing: str) -> Generator[None]:
    """Tell in one sentence what the disk or the object store did not do."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot {doing}: {error.strerror}; mend that, or set another AUTOINTERP_SHARDS") from error
