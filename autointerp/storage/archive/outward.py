"""Reading an archive out of the database: finished harvests, runs that have ended, and what belongs to them."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from autointerp.domain import archived as rows
from autointerp.domain.examples import Split
from autointerp.storage import contexts, pools, vocabularies
from autointerp.storage.archive import claims
from autointerp.storage.archive.packed import examples_row, feature_row, pool_row
from autointerp.storage.engine import ReadSession
from autointerp.storage.example_packing import unpack_examples
from autointerp.storage.feature_packing import unpack_statistics
from autointerp.storage.records import HarvestState, RunState
from autointerp.storage.tables.explanations import ExplanationTable, PromptTable, UnreadExplanationTable
from autointerp.storage.tables.harvests import (
    ExampleTable,
    FeatureTable,
    HarvestedFeatureTable,
    HarvestSaeTable,
    HarvestTable,
)
from autointerp.storage.tables.models import ModelTable, SaeTable
from autointerp.storage.tables.runs import BudgetTable, RunFeatureTable, RunTable
from autointerp.storage.tables.scores import ScoreTable

BATCH = 200
ENDED = [state.value for state in RunState if state.ended]


class Outward:
    """What there is to archive as one session sees it, whatever is stored meanwhile: everything, or one harvest and
    what belongs to it."""

    def __init__(self, session: ReadSession, harvest_id: str | None) -> None:
        self._session = session
        self._harvests = HarvestTable.state == HarvestState.FINISHED.value
        if harvest_id is not None:
            self._harvests = sa.and_(self._harvests, HarvestTable.id == harvest_id)
        self._only = harvest_id

    def harvest_ids(self) -> list[str]:
        """The harvests, oldest first."""
        return self._all(sa.select(HarvestTable.id).where(self._harvests).order_by(HarvestTable.id))

    def vocabularies(self) -> Iterator[rows.ArchivedVocabulary]:
        """The vocabularies of the models."""
        for fingerprint in dict.fromkeys(model.vocabulary for model in self.models()):
            vocabulary = vocabularies.get(self._session, fingerprint)
            yield rows.ArchivedVocabulary(
                fingerprint=fingerprint,
                tokens=[token.hex() for token in vocabulary.tokens],
                special=sorted(vocabulary.special),
            )

    def models(self) -> Iterator[rows.ArchivedModel]:
        """The models of the harvests."""
        used = sa.select(HarvestTable.model_id).where(self._harvests)
        for row in self._all(sa.select(ModelTable).where(ModelTable.id.in_(used)).order_by(ModelTable.id)):
            yield rows.ArchivedModel(
                identity=row.identity,
                name=row.name,
                revision=row.revision,
                dtype=row.dtype,
                width=row.width,
                layers=row.layers,
                max_context=row.max_context,
                vocabulary=row.vocabulary_fingerprint,
                created_at=row.created_at,
            )

    def saes(self) -> Iterator[rows.ArchivedSae]:
        """The SAEs of the harvests."""
        used = sa.select(HarvestSaeTable.sae_id).join(HarvestTable).where(self._harvests)
        statement = sa.select(SaeTable, ModelTable.identity).join(ModelTable).where(SaeTable.id.in_(used))
        found = self._session.sql.execute(statement.order_by(SaeTable.id)).all()
        for row, model in found:
            yield rows.ArchivedSae(
                model=model,
                fingerprint=row.fingerprint,
                name=row.name,
                kind=row.kind,
                hook=row.hook,
                width=row.width,
                features=row.features,
                source=row.source,
                created_at=row.created_at,
            )

    def harvests(self) -> Iterator[rows.ArchivedHarvest]:
        """The harvests."""
        for harvest_id in self.harvest_ids():
            yield _harvest(self._session, harvest_id)

    def pools(self) -> Iterator[rows.ArchivedPool]:
        """The pools of the harvests."""
        for harvest_id in self.harvest_ids():
            yield pool_row(harvest_id, pools.load(self._session, harvest_id))

    def features(self) -> Iterator[rows.ArchivedFeature]:
        """What the harvests measured of their features."""
        for session, harvest_id, about in self._features():
            measured = HarvestedFeatureTable
            statement = sa.select(measured.feature_id, measured.statistics).where(
                measured.harvest_id == harvest_id, measured.feature_id.in_(about)
            )
            packed = dict(session.sql.execute(statement).all())
            yield from (feature_row(one, unpack_statistics(packed[i])) for i, one in about.items())

    def examples(self) -> Iterator[rows.ArchivedExamples]:
        """The features' examples, split by split."""
        for session, harvest_id, about in self._features():
            table = ExampleTable
            statement = sa.select(table.feature_id, table.split, table.packed).where(
                table.harvest_id == harvest_id, table.feature_id.in_(about)
            )
            packed = {(i, split): unpack_examples(blob) for i, split, blob in session.sql.execute(statement)}
            whole = contexts.complete(session, harvest_id, list(packed.values()))
            found = dict(zip(packed, whole, strict=True))
            for i, one in about.items():
                yield from (examples_row(one, s, found[i, s.value]) for s in Split if (i, s.value) in found)

    def prompts(self) -> Iterator[rows.ArchivedPrompt]:
        """Every prompt that was used."""
        for row in self._all(sa.select(PromptTable).order_by(PromptTable.version)):
            yield rows.ArchivedPrompt(version=row.version, name=row.name, text=row.text)

    def runs(self) -> Iterator[rows.ArchivedRun]:
        """The runs that have ended."""
        statement = sa.select(RunTable).where(*self._runs()).order_by(RunTable.id)
        for row in self._all(statement):
            budget = self._session.sql.get(BudgetTable, row.id)
            yield rows.ArchivedRun(
                id=row.id,
                harvest=row.harvest_id,
                spec=row.spec,
                spec_digest=row.spec_digest,
                state=row.state,
                error=row.error,
                budget=None if budget is None else _budget(budget),
                created_at=row.created_at,
                finished_at=row.finished_at,
                priority=row.priority,
                extends=row.extends,
            )

    def run_features(self) -> Iterator[rows.ArchivedRunFeature]:
        """How far the runs are with each of their features."""
        table = RunFeatureTable
        for run in self.runs():
            after = 0
            while run.harvest is not None:
                statement = sa.select(table).where(table.run_id == run.id, table.feature_id > after)
                found = self._session.sql.scalars(statement.order_by(table.feature_id).limit(BATCH)).all()
                about = claims.about(self._session, run.harvest, [row.feature_id for row in found])
                for row in found:
                    yield rows.ArchivedRunFeature(
                        **about[row.feature_id].model_dump(),
                        run=run.id,
                        chunk=row.chunk,
                        state=row.state,
                        attempts=row.attempts,
                        reason=row.reason,
                        role=row.role,
                    )
                if len(found) < BATCH:
                    break
                after = found[-1].feature_id

    def explanations(self) -> Iterator[rows.ArchivedExplanation]:
        """The explanations, of ended runs and of none."""
        for session, harvest_id, found in self._of_harvests(ExplanationTable, self._ended(ExplanationTable.run_id)):
            about = claims.about(session, harvest_id, [row.feature_id for row in found])
            yield from (claims.explanation_row(about[row.feature_id], row) for row in found)

    def unread(self) -> Iterator[rows.ArchivedUnread]:
        """The explainers' replies that could not be read."""
        table = UnreadExplanationTable
        for session, harvest_id, found in self._of_harvests(table, self._ended(table.run_id)):
            about = claims.about(session, harvest_id, [row.feature_id for row in found])
            yield from (claims.unread_row(about[row.feature_id], row) for row in found)

    def scores(self) -> Iterator[rows.ArchivedScore]:
        """The scores with their trials."""
        claim = ExplanationTable
        explained = sa.exists().where(claim.id == ScoreTable.explanation_id, self._ended(claim.run_id))
        ended = sa.and_(self._ended(ScoreTable.run_id), explained)
        for session, harvest_id, found in self._of_harvests(ScoreTable, ended):
            yield from claims.score_rows(session, harvest_id, found)

    def _runs(self) -> list[sa.ColumnElement[bool]]:
        finished = sa.select(HarvestTable.id).where(self._harvests)
        of_harvest = RunTable.harvest_id.in_(finished)
        if self._only is None:
            of_harvest = sa.or_(of_harvest, RunTable.harvest_id.is_(None))
        return [RunTable.state.in_(ENDED), of_harvest]

    def _ended(self, run_id: Any) -> sa.ColumnElement[bool]:
        return sa.or_(run_id.is_(None), run_id.in_(sa.select(RunTable.id).where(*self._runs())))

    def _all(self, statement: Any) -> list[Any]:
        return list(self._session.sql.scalars(statement))

    def _features(self) -> Iterator[tuple[ReadSession, str, dict[int, rows.OfFeature]]]:
        """The features of each harvest, by SAE and index, a batch at a time."""
        place = sa.tuple_(FeatureTable.sae_id, FeatureTable.index)
        for harvest_id in self.harvest_ids():
            after = (0, -1)
            while True:
                statement = (
                    sa.select(FeatureTable.id, FeatureTable.sae_id, FeatureTable.index, SaeTable.fingerprint)
                    .join(HarvestedFeatureTable, HarvestedFeatureTable.feature_id == FeatureTable.id)
                    .join(SaeTable, SaeTable.id == FeatureTable.sae_id)
                    .where(HarvestedFeatureTable.harvest_id == harvest_id, place > after)
                    .order_by(FeatureTable.sae_id, FeatureTable.index)
                    .limit(BATCH)
                )
                found = self._session.sql.execute(statement).all()
                about = {i: rows.OfFeature(harvest=harvest_id, sae=sae, index=n) for i, _, n, sae in found}
                yield self._session, harvest_id, about
                if len(found) < BATCH:
                    break
                after = (found[-1][1], found[-1][2])

    def _of_harvests(
        self, table: Any, condition: sa.ColumnElement[bool]
    ) -> Iterator[tuple[ReadSession, str, Sequence[Any]]]:
        for harvest_id in self.harvest_ids():
            after = 0
            while True:
                statement = sa.select(table).where(table.harvest_id == harvest_id, table.id > after, condition)
                found = self._session.sql.scalars(statement.order_by(table.id).limit(BATCH)).all()
                yield self._session, harvest_id, found
                if len(found) < BATCH:
                    break
                after = found[-1].id


def _harvest(session: ReadSession, harvest_id: str) -> rows.ArchivedHarvest:
    row = session.sql.get_one(HarvestTable, harvest_id)
    model = session.sql.get_one(ModelTable, row.model_id)
    statement = sa.select(HarvestSaeTable, SaeTable.fingerprint).join(SaeTable)
    found = session.sql.execute(
        statement.where(HarvestSaeTable.harvest_id == harvest_id).order_by(HarvestSaeTable.position)
    )
    return rows.ArchivedHarvest(
        id=row.id,
        model=model.identity,
        saes=[
            rows.ArchivedHarvestSae(fingerprint=sae, broken=one.broken, broken_contexts=one.broken_contexts)
            for one, sae in found
        ],
        spec=row.spec,
        spec_digest=row.spec_digest,
        tokens_done=row.tokens_done,
        tokens_total=row.tokens_total,
        seconds=row.seconds,
        corpus_fingerprint=row.corpus_fingerprint,
        created_at=row.created_at,
        finished_at=row.finished_at or row.created_at,
    )


def _budget(row: BudgetTable) -> rows.ArchivedBudget:
    return rows.ArchivedBudget(**{name: getattr(row, name) for name in rows.ArchivedBudget.model_fields})
