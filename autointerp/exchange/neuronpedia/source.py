"""Where Neuronpedia's lines are read from: a folder of batch files, or the JSON of one feature."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from autointerp.errors import InvalidInput
from autointerp.exchange import lines
from autointerp.exchange.neuronpedia.records import Activation, Explanation, Feature, Single

PARTS = ("features", "activations", "explanations")


class Source(Protocol):
    """Lines that can be read more than once."""

    def features(self) -> Iterator[Feature]:
        """The features."""
        ...

    def activations(self) -> Iterator[Iterator[Activation]]:
        """The activations, file by file; those of one feature stand in one file."""
        ...

    def explanations(self) -> Iterator[Explanation]:
        """The explanations."""
        ...


class Folder:
    """The folder of a source: `features`, `activations` and `explanations`, each with batch files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def features(self) -> Iterator[Feature]:
        """The features."""
        for path in self._files("features"):
            yield from lines.read(path, Feature)

    def activations(self) -> Iterator[Iterator[Activation]]:
        """The activations, file by file."""
        for path in self._files("activations"):
            yield lines.read(path, Activation)

    def explanations(self) -> Iterator[Explanation]:
        """The explanations."""
        for path in self._files("explanations"):
            yield from lines.read(path, Explanation)

    def _files(self, part: str) -> list[Path]:
        found = [*(self.path / part).glob("batch-*.jsonl"), *(self.path / part).glob("batch-*.jsonl.gz")]
        return sorted(found, key=lambda path: (len(path.name), path.name))


class SingleFile:
    """The JSON of one feature."""

    def __init__(self, path: Path) -> None:
        self._feature = lines.parse(path.read_bytes(), Single, str(path))

    def features(self) -> Iterator[Feature]:
        """The feature."""
        yield self._feature

    def activations(self) -> Iterator[Iterator[Activation]]:
        """Its activations."""
        yield iter(self._feature.activations)

    def explanations(self) -> Iterator[Explanation]:
        """Its explanations."""
        yield from (one.model_copy(update={"index": self._feature.index}) for one in self._feature.explanations)


def found_in(path: Path) -> list[Path]:
    """The folders of sources at or below a folder, as far below as their layout has them."""
    candidates = [path, *path.glob("*"), *path.glob("*/*"), *path.glob("*/*/*")]
    return sorted(one for one in candidates if any(any((one / part).glob("batch-*.jsonl*")) for part in PARTS))


def opened(path: Path) -> Source:
    """The source at a path; InvalidInput when there is none, or more than one."""
    if path.is_file():
        return SingleFile(path)
    found = found_in(path)
    if not found:
        raise InvalidInput(f"{path} has no {', '.join(PARTS)} with batch files, as an export of Neuronpedia has")
    if len(found) > 1:
        raise InvalidInput(f"{path} has {len(found)} sources; name one of them, such as {found[0]}")
    return Folder(found[0])
