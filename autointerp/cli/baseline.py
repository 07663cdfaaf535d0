"""`autointerp baseline`: fits what stands in for an SAE, and saves it as one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autointerp import settings
from autointerp.cli.choice import Seed
from autointerp.cli.console import OUT, note
from autointerp.cli.corpora import read_corpus
from autointerp.cli.specfile import OPTIONS, parse
from autointerp.domain.specs import BASELINES, BaselineSpec, CorpusSpec, SubjectSpec
from autointerp.errors import InvalidInput

Kind = StrEnum("Kind", list(BASELINES))


def baseline(
    kind: Annotated[Kind, typer.Argument(help="What stands in for the features.")],
    model: Annotated[str, typer.Option(help="Hub id or folder of the subject model.")],
    hook: Annotated[str, typer.Option(help="Where its activations are read: a module path or TransformerLens name.")],
    corpus: Annotated[str, typer.Option(help="A .jsonl, .parquet or text file or folder, or stdlib.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    k: Annotated[int | None, typer.Option(min=1, help="Features that may fire at one token.")] = None,
    directions: Annotated[int | None, typer.Option(min=1, help="How many, at most; not for neurons.")] = None,
    tokens: Annotated[int | None, typer.Option(min=2, help="Tokens of the corpus to fit to.")] = None,
    sample: Annotated[int | None, typer.Option(min=2, help="Of those, tokens that ICA is fitted to.")] = None,
    context: Annotated[int, typer.Option(min=2, help="Tokens in a row.")] = 256,
    seed: Seed = 0,
) -> None:
    """Fit neurons, PCA, ICA or random directions to a model's activations, and save them in sae-lens's own layout."""
    given = {"k": k, "directions": directions, "tokens": tokens, "sample": sample, "seed": seed}
    options = {name: value for name, value in given.items() if value is not None}
    spec = parse(BaselineSpec, {"kind": kind.value, **options}, OPTIONS)
    if out.exists():
        raise InvalidInput(f"{out} is there already; name a folder that is to be made")
    subject, read = SubjectSpec(model=model), parse(CorpusSpec, read_corpus(corpus), "--corpus")
    features = _fit(spec, subject, read, hook, out, context)
    OUT.print(f"{kind.value} of {hook}: {features} features in {out}", highlight=False)


def _fit(spec: BaselineSpec, subject: SubjectSpec, read: CorpusSpec, hook: str, out: Path, context: int) -> int:
    """Fit and save; what needs torch is imported here, so that other commands start without it."""
    from autointerp.subject.baselines import fit_baseline
    from autointerp.subject.corpus import open_corpus
    from autointerp.subject.model import load_model

    loaded = settings.load()
    model = load_model(subject, device=loaded.device, pickles=loaded.reach.pickles)
    corpus = open_corpus(read, model, context=context, tokens=spec.tokens, folder=loaded.data_dir / "tokens")
    try:
        sae = fit_baseline(spec, model, corpus, hook=hook)
    finally:
        corpus.close()
    if not sae.cfg.metadata.fit["settled"]:
        note("the fit stopped before it had converged; more tokens in --sample or fewer --directions may help")
    sae.save_model(out)
    return int(sae.cfg.d_sae)
