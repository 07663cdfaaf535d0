"""Baselines of a harvest: fitted when first needed, then kept where all its workers find them.

Each that is fitted has a folder of its own, named by its content; one small file, written last and whole, says which
is the one to use. Two hosts that end at the same time so never mix their files.
"""

import hashlib
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autointerp.domain.specs import BaselineSpec, CorpusSpec, HarvestSpec, SaeSpec
from autointerp.harvest.location import MISSING, Location, write_whole
from autointerp.hashing import digest

if TYPE_CHECKING:
    from autointerp.subject.model import SubjectModel
    from autointerp.subject.sae import Dictionary

FILES = ("sae_weights.safetensors", "cfg.json")
CHOSEN = "chosen"


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
    key = [spec.subject.digest, corpus_key(spec.corpus), spec.context, baseline.digest, hook]
    folder = shelf / digest(key)
    chosen = _chosen(folder) or _fit(baseline, hook, spec, model, folder, tokens)
    with _on_disk(folder / chosen) as path:
        found = read_sae(SaeSpec(path=str(path)), device=model.device)
    source = sae.model_dump(exclude_none=True)
    return wrap(found, model, hook=hook, name=f"{baseline.kind} of {hook}", source=source)


def corpus_key(spec: CorpusSpec) -> str:
    """Return a digest of what a corpus holds now and of how it is laid out: what a baseline is fitted to."""
    from autointerp.subject.sources import identify

    return digest([identify(spec).digest, spec.layout, spec.long])


def _fit(
    baseline: BaselineSpec, hook: str, spec: HarvestSpec, model: "SubjectModel", folder: Location, tokens: Path
) -> str:
    """Fit a baseline and put it on the shelf; return the name of the one to use, which may be another worker's."""
    from autointerp.subject.baselines import fit_baseline
    from autointerp.subject.corpus import open_corpus

    corpus = open_corpus(spec.corpus, model, context=spec.context, tokens=baseline.tokens, folder=tokens)
    try:
        fitted = fit_baseline(baseline, model, corpus, hook=hook)
    finally:
        corpus.close()
    with tempfile.TemporaryDirectory() as draft:
        fitted.save_model(draft)
        files = {name: (Path(draft) / name).read_bytes() for name in FILES}
    if chosen := _chosen(folder):  # another worker was faster: all go on with what is there
        return chosen
    own = digest([hashlib.sha256(data).hexdigest() for data in files.values()])
    for name, data in files.items():
        write_whole(folder / own / name, data)
    write_whole(folder / CHOSEN, own.encode())
    return _chosen(folder) or own


def _chosen(folder: Location) -> str | None:
    try:
        return (folder / CHOSEN).read_bytes().decode()
    except MISSING:
        return None


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
