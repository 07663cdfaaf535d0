"""What was found of features, put together: each feature with its explanations and their scores."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from autointerp.api.schemas.controls import RunControls
from autointerp.api.schemas.explanations import Explanation
from autointerp.api.schemas.features import Feature
from autointerp.api.schemas.runs import RunPage
from autointerp.api.schemas.scores import Score
from autointerp.api.schemas.summaries import Summary, SummaryLine
from autointerp.runs import Desk, controls_of, summarise_run, warnings_about
from autointerp.storage import explanations, features, runs, scores
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.records import ExplanationRecord, FeatureFilter, FeatureOrder, RunRecord, ScoreRecord

BATCH = 200
Row = TypeVar("Row", ExplanationRecord, ScoreRecord)


class Explained(Explanation):
    """An explanation with its scores."""

    scores: list[Score]


class Result(Feature):
    """A feature with its explanations."""

    explanations: list[Explained]


class RunResults(RunPage):
    """A run with what it found, and its scores held against their controls."""

    summary: list[SummaryLine]
    results: list[Result]
    controls: RunControls


def page_of_run(desk: Desk, run: RunRecord, *, most: int | None) -> RunResults:
    """Return a run with its progress, its scores put together and beside controls, and at most so many features."""
    database = desk.database
    with database.read() as session:
        progress = runs.progress(session, run.id)
    page = RunPage.with_progress(run, progress, warnings_about(desk, run.spec))
    scored = Summary.of(summarise_run(database, run.id)).items
    controls = RunControls.of(controls_of(database, run.id))
    found = list(islice(of_run(database, run), most))
    return RunResults(**page.model_dump(), summary=scored, results=found, controls=controls)


def of_run(database: Database, run: RunRecord) -> Iterator[Result]:
    """Yield what a run found, feature by feature."""
    if run.harvest_id is None:
        return
    for feature_ids in _batches(_features_of(database, run)):
        with database.read() as session:
            if run.spec.explainers:
                made = explanations.of_run(session, run.id, feature_ids)
            else:
                made = explanations.newest(session, run.harvest_id, feature_ids)
            yield from _results(session, run.harvest_id, feature_ids, made, run.id)


def of_harvest(database: Database, harvest_id: str, sae_id: int | None) -> Iterator[Result]:
    """Yield every feature of a harvest with the newest explanation by each explainer and all its scores."""
    after: int | None = None
    wanted = FeatureFilter(harvest_id=harvest_id, sae_id=sae_id)
    while True:
        with database.read() as session:
            rows = features.list_features(session, wanted, order=FeatureOrder.INDEX, after=after, limit=BATCH)
            feature_ids = [row.id for row in rows]
            made = explanations.newest(session, harvest_id, feature_ids)
            found = list(_results(session, harvest_id, feature_ids, made, None))
        yield from found
        if len(rows) < BATCH:
            return
        after = feature_ids[-1]


def of_feature(session: ReadSession, harvest_id: str, feature_id: int) -> list[Explained]:
    """Return every explanation of one feature from one harvest, with all its scores."""
    made = list(
        _pages(
            lambda after: explanations.list_explanations(
                session, feature_id=feature_id, harvest_id=harvest_id, after=after, limit=BATCH
            )
        )
    )
    return _explained(session, made, None)


def _results(
    session: ReadSession,
    harvest_id: str,
    feature_ids: Sequence[int],
    made: dict[int, tuple[ExplanationRecord, ...]],
    run_id: str | None,
) -> Iterator[Result]:
    scored = _scored(session, [record for records in made.values() for record in records], run_id)
    for row in features.get_many(session, harvest_id, feature_ids):
        explained = [_with_scores(record, scored) for record in made.get(row.id, ())]
        yield Result(**Feature.of(row).model_dump(), explanations=explained)


def _explained(session: ReadSession, made: Sequence[ExplanationRecord], run_id: str | None) -> list[Explained]:
    scored = _scored(session, made, run_id)
    return [_with_scores(record, scored) for record in made]


def _scored(
    session: ReadSession, made: Sequence[ExplanationRecord], run_id: str | None
) -> dict[int, tuple[ScoreRecord, ...]]:
    return scores.of_explanations(session, [record.id for record in made], run_id=run_id)


def _with_scores(record: ExplanationRecord, scored: dict[int, tuple[ScoreRecord, ...]]) -> Explained:
    shown = [Score.of(score) for score in scored.get(record.id, ())]
    return Explained(**Explanation.of(record).model_dump(), scores=shown)


def _features_of(database: Database, run: RunRecord) -> Iterator[int]:
    """The features that a run explained or scored, each once, in the order in which they were done."""

    def explained(after: int | None) -> Sequence[ExplanationRecord]:
        with database.read() as session:
            return explanations.list_explanations(session, run_id=run.id, after=after, limit=BATCH)

    def scored(after: int | None) -> Sequence[ScoreRecord]:
        with database.read() as session:
            return scores.list_scores(session, run_id=run.id, after=after, limit=BATCH)

    seen: set[int] = set()
    for record in _pages(explained) if run.spec.explainers else _pages(scored):
        if record.feature_id not in seen:
            seen.add(record.feature_id)
            yield record.feature_id


def _pages(read: Callable[[int | None], Sequence[Row]]) -> Iterator[Row]:
    after: int | None = None
    while page := read(after):
        yield from page
        after = page[-1].id


def _batches(ids: Iterator[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for feature_id in ids:
        batch.append(feature_id)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
