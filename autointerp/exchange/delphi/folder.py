"""A result folder of delphi: which latents it has, and what its files say of each."""

import re
from collections.abc import Iterator
from pathlib import Path

from autointerp.errors import InvalidInput
from autointerp.exchange import lines
from autointerp.exchange.delphi import CONFIG, EXPLANATIONS, OTHERS, SCORES
from autointerp.exchange.delphi.records import Config, Said, Sample, Samples

NAME = re.compile(r"(.+)_latent(\d{1,10})\.txt")


class Folder:
    """The files of one hook point; `scorers` are those whose files we read, `left_out` the others'."""

    def __init__(self, path: Path, hook: str | None) -> None:
        self.path = path
        self.config = _config(path)
        hooks = _hooks(path)
        if hook is None and len(hooks) > 1:
            raise InvalidInput(f"{path} has results of {', '.join(hooks)}; name one of them with --hook")
        if not hooks or (hook is not None and hook not in hooks):
            raise InvalidInput(f"{path} has no results of {hook or 'any hook point'} in {EXPLANATIONS} and {SCORES}")
        self.hook = hook or hooks[0]
        named = {one.name: sum(1 for _ in self._of_hook(one)) for one in _scorers(path)}
        self.scorers = [name for name, count in named.items() if count and name not in OTHERS]
        self.left_out = {name: count for name, count in named.items() if count and name in OTHERS}
        self.indices = sorted({i for one in (path / EXPLANATIONS, *_scorers(path)) for i in self._of_hook(one)})

    def explanation(self, index: int) -> str | None:
        """What was said of a latent; None: nothing."""
        path = self._file(self.path / EXPLANATIONS, index)
        return lines.parse(path.read_bytes(), Said, str(path)).root if path.exists() else None

    def samples(self, scorer: str, index: int) -> list[Sample] | None:
        """What a scorer asked about a latent; None: nothing."""
        path = self._file(self.path / SCORES / scorer, index)
        return lines.parse(path.read_bytes(), Samples, str(path)).root if path.exists() else None

    def scored(self, index: int) -> Iterator[tuple[str, list[Sample]]]:
        """Each scorer with what it asked about a latent."""
        for scorer in self.scorers:
            samples = self.samples(scorer, index)
            if samples is not None:
                yield scorer, samples

    def _file(self, folder: Path, index: int) -> Path:
        plain = folder / f"{self.hook}_latent{index}.txt"
        return plain if plain.exists() else folder / f"{self.hook.replace('/', '--')}_latent{index}.txt"

    def _of_hook(self, folder: Path) -> Iterator[int]:
        return (index for hook, index in _latents(folder) if hook == self.hook)


def recognised(path: Path) -> bool:
    """Whether a folder is one of delphi's."""
    return any(True for folder in (path / EXPLANATIONS, *_scorers(path)) for _ in _latents(folder))


def _hooks(path: Path) -> list[str]:
    folders = path / EXPLANATIONS, *_scorers(path)
    return sorted({hook for folder in folders for hook, _ in _latents(folder)})


def _latents(folder: Path) -> Iterator[tuple[str, int]]:
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if found := NAME.fullmatch(file.name):
            yield found[1].replace("--", "/"), int(found[2])


def _scorers(path: Path) -> list[Path]:
    folder = path / SCORES
    return sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _config(path: Path) -> Config:
    file = path / CONFIG
    return lines.parse(file.read_bytes(), Config, str(file)) if file.exists() else Config()
