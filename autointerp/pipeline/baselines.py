"""Baselines of a harvest: fitted when first needed, then kept where all its workers find them."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autointerp.domain.specs import BaselineSpec, HarvestSpec, SaeSpec
from autointerp.harvest.location import Location, names_in, write_whole
from autointerp.hashing import digest

if TYPE_CHECKING:
    from autointerp.subject.model import SubjectModel
    from autointerp.subject.sae import Dictionary

FILES = ("sae_weights.safetensors", "cfg.json")  # the last one says that all are there


def load_baseline(
    baseline: BaselineSpec, sae: SaeSpec, spec: HarvestSpec, model: "SubjectModel", *, shelf: Location, tokens: Path
) -> "Dictionary":
    """Load a baseline of a harvest from `shelf`, fitting it to the harvest's corpus where it is missing.

    `shelf` is shared by all workers of a harvest: fitted on another machine, the last bits may differ. `tokens` is
    where the corpora's token ids are kept.
    """
    from autointerp.subject.sae import wrap
    from autointerp.subject.sae_files import read_sae

    hook = model.resolve(str(sae.hook))
    folder = shelf / digest([spec.subject.digest, spec.corpus.digest, spec.context, baseline.digest, hook])
    if not _complete(folder):
        _fit(baseline, hook, spec, model, folder, tokens)
    with _on_disk(folder) as path:
        found = read_sae(SaeSpec(path=str(path)), device=model.device)
    source = sae.model_dump(exclude_none=True)
    return wrap(found, model, hook=hook, name=f"{baseline.kind} of {hook}", source=source)


def _fit(
    baseline: BaselineSpec, hook: str, spec: HarvestSpec, model: "SubjectModel", folder: Location, tokens: Path
) -> None:
    from autointerp.subject.baselines import fit_baseline
    from autointerp.subject.corpus import open_corpus

    corpus = open_corpus(spec.corpus, model, context=spec.context, tokens=baseline.tokens, folder=tokens)
    try:
        fitted = fit_baseline(baseline, model, corpus, hook=hook)
    finally:
        corpus.close()
    with tempfile.TemporaryDirectory() as draft:
        fitted.save_model(draft)
        if _complete(folder):  # another worker was faster: all go on with what is there
            return
        for name in FILES:
            write_whole(folder / name, (Path(draft) / name).read_bytes())


def _complete(folder: Location) -> bool:
    return names_in(folder).issuperset(FILES)


@contextmanager
def _on_disk(folder: Location) -> Generator[Path]:
    """The folder itself, or a copy of it for as long as the block runs."""
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory() as copy:
        for name in FILES:
            (Path(copy) / name).write_bytes((folder / name).read_bytes())
        yield Path(copy)
