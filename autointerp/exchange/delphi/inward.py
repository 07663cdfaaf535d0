"""delphi's result folders into the database.

The texts that its scorers asked about become the examples of the score split; those that its explainer saw are not in
its files. Each score is counted again from its samples, because delphi keeps none for a latent.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from autointerp.domain import archived
from autointerp.domain.examples import Split
from autointerp.domain.scores import IMPORTED
from autointerp.errors import InvalidInput
from autointerp.exchange import foundation
from autointerp.exchange.archive import batches
from autointerp.exchange.delphi import ORIGIN, PREFIX
from autointerp.exchange.delphi.folder import Folder
from autointerp.exchange.delphi.records import Sample
from autointerp.exchange.foundation import UNKNOWN_TIME, Claim, Foundation, Imported, Target
from autointerp.exchange.gathered import Gathered, Shown
from autointerp.hashing import stable_int
from autointerp.storage.archive.claims import reference
from autointerp.storage.engine import Database

MOST_QUANTILE = 999


def read(database: Database, path: Path, target: Target | None, *, hook: str | None) -> Imported:
    """Store a folder in a harvest of its own, or, of a `target`, explanations and scores alone."""
    folder = Folder(path, hook)
    pieces, samples = _survey(folder)
    if target is None:
        target, done = _lay(database, folder, pieces)
    else:
        done = Imported(harvest=target.harvest)
        done.lose("texts of samples, because the harvest has examples of its own", samples)
    foundation.add_claims(database, target, _claims(folder, target, done), done)
    foundation.finish(database, target)
    for scorer, count in folder.left_out.items():
        done.lose(f"scores of {scorer}, which are no texts with a yes or no", count)
    return done


def _survey(folder: Folder) -> tuple[set[str], int]:
    """Read everything once: the texts of tokens, and how many samples there are."""
    pieces: set[str] = set()
    count = 0
    for index in folder.indices:
        folder.explanation(index)
        for scorer, samples in folder.scored(index):
            for sample in samples:
                pieces.update(sample.str_tokens)
                if len(sample.str_tokens) != len(sample.activations):
                    raise InvalidInput(
                        f"a sample of {scorer} of latent {index} has not one activation for each token; "
                        "nothing of this import was stored"
                    )
            count += len(samples)
    return pieces, count


def _lay(database: Database, folder: Folder, pieces: set[str]) -> tuple[Target, Imported]:
    ground = Foundation(
        origin=ORIGIN,
        name=f"{folder.config.sparse_model}/{folder.hook}",
        model=folder.config.model,
        hook=folder.hook,
        features=folder.indices[-1] + 1,
        tokens=0,
        vocabulary=foundation.vocabulary_of(pieces),
    )
    target = ground.lay(database)
    done = Imported(harvest=target.harvest)
    rows = (_feature(folder, index, target) for index in folder.indices)
    done.stored["features"] = foundation.add_features(database, rows)
    numbers = foundation.numbers_of(ground.vocabulary)
    for some in batches(folder.indices, foundation.BATCH):
        gathered = Gathered()
        for index in some:
            for shown in _texts(folder, index, numbers).values():
                gathered.add(index, shown)
        foundation.add_examples(database, gathered.rows(target.harvest, target.sae))
    foundation.fill(database, target, folder.indices)
    return target, done


def _texts(folder: Folder, index: int, numbers: dict[str, int]) -> dict[int, Shown]:
    """The texts of a latent's samples, each once; several scorers ask about the same ones."""
    found: dict[int, Shown] = {}
    for _, samples in folder.scored(index):
        for sample in samples:
            place = _place(sample)
            found[place] = Shown.of(
                numbers,
                sample.str_tokens,
                sample.activations,
                split=Split.SCORE,
                group=_group(sample),
                place=(place, place, 0),
                peak=max(range(len(sample.activations)), key=lambda i: sample.activations[i], default=0),
            )
    return found


def _feature(folder: Folder, index: int, target: Target) -> archived.ArchivedFeature:
    """A latent, of which its folder says how strongly it fires, and not how often."""
    values = [max(one.activations, default=0.0) for _, samples in folder.scored(index) for one in samples]
    return archived.ArchivedFeature(
        **target.place(index).model_dump(),
        tokens=0,
        firings=0,
        sum=0.0,
        sum_of_squares=0.0,
        max=max(values, default=0.0),
        filled=[],
        counts=[],
        top_token=[],
        top_count=[],
        top_mean=[],
        promoted_token=[],
        promoted_logit=[],
        suppressed_token=[],
        suppressed_logit=[],
        neighbour=[],
        neighbour_cosine=[],
        neighbour_coactivation=[],
    )


def _claims(folder: Folder, target: Target, done: Imported) -> Iterator[Claim]:
    for index in folder.indices:
        said = folder.explanation(index)
        scored = list(folder.scored(index))
        if said is None:
            done.lose("scores of latents without an explanation", len(scored))
            continue
        explanation = archived.ArchivedExplanation(
            **target.place(index).model_dump(),
            run=None,
            position=0,
            explainer=PREFIX + "explainer",
            options={},
            request=None,
            model=folder.config.explainer_model,
            seed=0,
            tokens=0,
            cost=None,
            created_at=UNKNOWN_TIME,
            text=said,
            shown=[],
            prompt=None,
        )
        yield explanation, [_score(explanation, i, *one) for i, one in enumerate(scored)]


def _score(
    explanation: archived.ArchivedExplanation, position: int, scorer: str, samples: Sequence[Sample]
) -> archived.ArchivedScore:
    value, metrics = _balanced(samples)
    answered = [one for one in samples if one.prediction is not None]
    unread = len(samples) - len(answered)
    return archived.ArchivedScore(
        harvest=explanation.harvest,
        sae=explanation.sae,
        index=explanation.index,
        explanation=reference(explanation),
        run=None,
        position=position,
        scorer=PREFIX + scorer,
        judge=None,
        options={},
        judge_options={},
        model=explanation.model,
        seed=0,
        value=value,
        undefined=None if value is not None else "no prediction of one of the two kinds was read",
        metric="balanced_accuracy",
        low=None,
        high=None,
        asked=len(samples),
        answered=len(answered),
        unread={"failed": unread} if unread else {},
        metrics=metrics,
        breakdown=_breakdown(samples),
        prompt=None,
        tokens=0,
        cost=None,
        control=IMPORTED,
        borrowed=None,
        created_at=UNKNOWN_TIME,
        trials=[_trial(one) for one in samples],
    )


def _balanced(samples: Sequence[Sample]) -> tuple[float | None, dict[str, float | None]]:
    """The balanced accuracy over the predictions that were read, and its two halves."""
    right = {
        truth: [one.prediction == truth for one in samples if one.activating == truth and one.prediction is not None]
        for truth in (True, False)
    }
    shares = {truth: sum(some) / len(some) if some else None for truth, some in right.items()}
    positive, negative = shares[True], shares[False]
    value = None if positive is None or negative is None else (positive + negative) / 2
    return value, {"balanced_accuracy": value, "tpr": positive, "fpr": None if negative is None else 1 - negative}


def _breakdown(samples: Sequence[Sample]) -> list[archived.ArchivedGroup]:
    asked = Counter(_group(one) for one in samples)
    answered = Counter(_group(one) for one in samples if one.prediction is not None)
    correct = Counter(_group(one) for one in samples if one.prediction == one.activating)
    return [
        archived.ArchivedGroup(
            group=group,
            asked=count,
            answered=answered[group],
            correct=correct[group],
            mean_confidence=None,
            tied=0,
        )
        for group, count in asked.items()
    ]


def _trial(sample: Sample) -> archived.ArchivedTrial:
    return archived.ArchivedTrial(
        group=_group(sample),
        context=_place(sample),
        start=0,
        truth=sample.activating,
        note="" if sample.distance is None else f"distance {sample.distance:g}",
        verdict=sample.prediction,
        confidence=sample.probability,
        confidence_kind=None if sample.probability is None else "logprob",
        unread="failed" if sample.prediction is None else None,
        request=None,
    )


def _place(sample: Sample) -> int:
    """A number for the text and where the latent fires in it; its document is not known."""
    return stable_int(ORIGIN, *sample.str_tokens, *sample.activations)


def _group(sample: Sample) -> str:
    """delphi's distance of an activating text is its quantile, and its quantiles count from the weakest as ours do."""
    if not sample.activating:
        return "random"
    return f"quantile {min(max(int(sample.distance or 0), 0), MOST_QUANTILE)}"
