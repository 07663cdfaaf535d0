"""Storing the rows of an archive: each batch in one transaction, and what is there already stays as it is.

A harvest is stored as one that failed, and is finished when everything of the archive is stored: an import that is
broken off is then seen, and importing again completes it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from autointerp.domain import archived as rows
from autointerp.domain.examples import Group, Split
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.packed import HarvestedFeature
from autointerp.domain.scores import Trial
from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import InvalidInput
from autointerp.storage import best_scores, features, pools, vocabularies
from autointerp.storage.archive import claims
from autointerp.storage.archive.exclusive import exclusive
from autointerp.storage.archive.packed import examples_of, pool_of, statistics_of
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.example_packing import pack_examples
from autointerp.storage.insertion import insert_if_absent
from autointerp.storage.packing import pack_trials
from autointerp.storage.records import HarvestState
from autointerp.storage.tables.base import storable
from autointerp.storage.tables.explanations import ExplanationTable, PromptTable, UnreadExplanationTable
from autointerp.storage.tables.harvests import ExampleTable, FeatureTable, HarvestSaeTable, HarvestTable
from autointerp.storage.tables.models import ModelTable, SaeTable
from autointerp.storage.tables.runs import BudgetTable, RunFeatureTable, RunTable
from autointerp.storage.tables.scores import ScoreTable

UNFINISHED = "its import was broken off; import it again"
Features = dict[tuple[str, str, int], int]


def add_vocabularies(session: WriteSession, new: Sequence[rows.ArchivedVocabulary]) -> None:
    """Store vocabularies."""
    for row in new:
        vocabulary = Vocabulary(tuple(bytes.fromhex(token) for token in row.tokens), frozenset(row.special))
        if vocabularies.store(session, vocabulary) != row.fingerprint:
            raise InvalidInput(f"the vocabulary {row.fingerprint[:12]} is not what its fingerprint says")


def add_models(session: WriteSession, new: Sequence[rows.ArchivedModel]) -> None:
    """Store models."""
    content = [row.model_dump() for row in new]
    insert_if_absent(session, ModelTable, [{**row, "vocabulary_fingerprint": row.pop("vocabulary")} for row in content])


def add_saes(session: WriteSession, new: Sequence[rows.ArchivedSae]) -> None:
    """Store SAEs."""
    models = _models(session, [row.model for row in new])
    content = [{**row.model_dump(exclude={"model"}), "model_id": models[row.model]} for row in new]
    insert_if_absent(session, SaeTable, content)


def add_harvests(session: WriteSession, new: Sequence[rows.ArchivedHarvest]) -> None:
    """Store harvests, as ones whose import is not finished."""
    models = _models(session, [row.model for row in new])
    for row in new:
        content = row.model_dump(exclude={"model", "saes"})
        state = {"state": HarvestState.FAILED.value, "error": UNFINISHED}
        insert_if_absent(session, HarvestTable, [{**content, **state, "model_id": models[row.model]}])
        saes = _saes(session, models[row.model], [sae.fingerprint for sae in row.saes])
        insert_if_absent(
            session,
            HarvestSaeTable,
            [
                {
                    "harvest_id": row.id,
                    "position": position,
                    "sae_id": saes[sae.fingerprint],
                    "broken": sae.broken,
                    "broken_contexts": sae.broken_contexts,
                }
                for position, sae in enumerate(row.saes)
            ],
        )


def finish_harvests(session: WriteSession, harvest_ids: Sequence[str]) -> None:
    """Say that harvests are stored whole."""
    mine = HarvestTable.id.in_(harvest_ids), HarvestTable.error == UNFINISHED
    session.sql.execute(sa.update(HarvestTable).where(*mine).values(state=HarvestState.FINISHED.value, error=None))


def add_pools(session: WriteSession, new: Sequence[rows.ArchivedPool]) -> None:
    """Store pools."""
    for row in new:
        pools.store(session, row.harvest, pool_of(row))


def add_features(session: WriteSession, new: Sequence[rows.ArchivedFeature]) -> None:
    """Store features with their statistics."""
    for harvest, sae_id, batch in _by_sae(session, new):
        made = [HarvestedFeature(row.index, statistics_of(row), {}) for row in batch]
        features.store(session, harvest_id=harvest, sae_id=sae_id, features=made)


def add_examples(session: WriteSession, new: Sequence[rows.ArchivedExamples]) -> None:
    """Store the examples of features that are stored."""
    ids = _features(session, new)
    content = [
        {
            "harvest_id": row.harvest,
            "feature_id": ids[_place(row)],
            "split": row.split.value,
            "packed": pack_examples(examples_of(row)),
        }
        for row in new
    ]
    insert_if_absent(session, ExampleTable, content)


def add_prompts(session: WriteSession, new: Sequence[rows.ArchivedPrompt]) -> None:
    """Store the texts of prompts."""
    insert_if_absent(session, PromptTable, [row.model_dump() for row in new])


def add_runs(session: WriteSession, new: Sequence[rows.ArchivedRun]) -> None:
    """Store runs with their budgets; idempotency keys are no part of an archive."""
    content = [
        {**row.model_dump(exclude={"harvest", "budget"}), "harvest_id": row.harvest, "idempotency_key": None}
        for row in new
    ]
    insert_if_absent(session, RunTable, content)
    reserved = {"reserved_cost": 0, "reserved_tokens": 0}
    budgets = [{"run_id": row.id, **row.budget.model_dump(), **reserved} for row in new if row.budget is not None]
    insert_if_absent(session, BudgetTable, budgets)


def add_run_features(session: WriteSession, new: Sequence[rows.ArchivedRunFeature]) -> None:
    """Store how far runs are with their features."""
    ids = _features(session, new)
    names = {"chunk", "state", "attempts", "reason", "role"}
    content = [{"run_id": row.run, "feature_id": ids[_place(row)], **row.model_dump(include=names)} for row in new]
    insert_if_absent(session, RunFeatureTable, content)


def add_explanations(session: WriteSession, new: Sequence[rows.ArchivedExplanation]) -> None:
    """Store explanations."""
    exclusive(session)
    ids = _features(session, new)
    held = _explanations(session, {(row.harvest, ids[_place(row)]) for row in new})
    content = [
        {
            **_claim(row, ids, claims.EXPLANATION),
            "shown": [[window.context, window.start] for window in row.shown],
            "candidates": [_candidate(one) for one in row.candidates] or None,
        }
        for row in new
        if row.key not in held
    ]
    insert_if_absent(session, ExplanationTable, content)


def add_unread(session: WriteSession, new: Sequence[rows.ArchivedUnread]) -> None:
    """Store replies that could not be read."""
    exclusive(session)
    ids = _features(session, new)
    table = UnreadExplanationTable
    places = {(row.harvest, ids[_place(row)]) for row in new}
    found = session.sql.scalars(sa.select(table).where(sa.tuple_(table.harvest_id, table.feature_id).in_(places))).all()
    held: set[str] = set()
    for harvest in {row.harvest_id for row in found}:
        about = claims.about(session, harvest, [row.feature_id for row in found])
        held |= {claims.unread_row(about[row.feature_id], row).key for row in found if row.harvest_id == harvest}
    content = [_claim(row, ids, claims.UNREAD) for row in new if row.key not in held]
    insert_if_absent(session, table, content)


def add_scores(session: WriteSession, new: Sequence[rows.ArchivedScore]) -> None:
    """Store scores with their trials; InvalidInput when one is of an explanation that is not stored."""
    exclusive(session)
    ids = _features(session, new)
    references = [(row.harvest, one) for row in new for one in (row.explanation, row.borrowed) if one is not None]
    places = [rows.OfFeature(harvest=harvest, sae=one.sae, index=one.index) for harvest, one in references]
    at = _features(session, places)
    explained = _explanations(session, {(place.harvest, at[_place(place)]) for place in places})
    if missing := [one for _, one in references if one.key not in explained]:
        raise InvalidInput(
            f"a score is of an explanation of feature {missing[0].index} that is not there; "
            "the archive is not whole, or another explanation has its place"
        )
    held = _scores(session, [explained[row.explanation.key] for row in new])
    content = [_score(row, ids, explained) for row in new if row.key not in held]
    insert_if_absent(session, ScoreTable, content)
    best_scores.refresh(session, content)


def having(session: ReadSession, harvest_id: str, sae: str, indices: Iterable[int], split: Split) -> set[int]:
    """Which of these features of an SAE, by index, have a row of examples in a split of a harvest."""
    statement = (
        sa.select(FeatureTable.index)
        .join(ExampleTable, ExampleTable.feature_id == FeatureTable.id)
        .where(FeatureTable.sae_id == _sae_id(session, harvest_id, sae), FeatureTable.index.in_(set(indices)))
        .where(ExampleTable.harvest_id == harvest_id, ExampleTable.split == split.value)
    )
    return set(session.sql.scalars(statement))


def _score(row: rows.ArchivedScore, ids: Features, explained: dict[str, int]) -> dict[str, Any]:
    return {
        **row.model_dump(include=set(claims.SCORE)),
        "explanation_id": explained[row.explanation.key],
        "harvest_id": row.harvest,
        "feature_id": ids[_place(row)],
        "split": Split.SCORE.value,
        "run_id": row.run,
        "breakdown": [
            [one.group, one.asked, one.answered, one.correct, one.mean_confidence, one.tied] for one in row.breakdown
        ],
        "trials": pack_trials([_trial(one) for one in row.trials]),
        "borrowed_id": None if row.borrowed is None else explained[row.borrowed.key],
    }


def _candidate(row: rows.ArchivedCandidate) -> list[Any]:
    return [storable(row.text), row.request, row.value, row.undefined]


def _trial(row: rows.ArchivedTrial) -> Trial:
    answer = Answer(
        verdict=row.verdict,
        confidence=row.confidence,
        kind=None if row.confidence_kind is None else Confidence(row.confidence_kind),
        unread=None if row.unread is None else UnreadKind(row.unread),
        request=row.request,
    )
    return Trial(Group.parse(row.group), (row.context, row.start), row.truth, answer, row.note)


def _claim(row: rows.ArchivedClaim, ids: Features, names: Sequence[str]) -> dict[str, Any]:
    return {
        **row.model_dump(include=set(names)),
        "harvest_id": row.harvest,
        "feature_id": ids[_place(row)],
        "split": Split.EXPLAIN.value,
        "run_id": row.run,
    }


def _explanations(session: ReadSession, places: set[tuple[str, int]]) -> dict[str, int]:
    """The ids of the stored explanations of these features, by key."""
    found: dict[str, int] = {}
    for harvest in sorted({harvest for harvest, _ in places}):
        feature_ids = [feature_id for name, feature_id in places if name == harvest]
        about = claims.about(session, harvest, feature_ids)
        table = ExplanationTable
        same = table.harvest_id == harvest, table.feature_id.in_(feature_ids)
        for row in session.sql.scalars(sa.select(table).where(*same)):
            found[claims.explanation_row(about[row.feature_id], row).key] = row.id
    return found


def _scores(session: ReadSession, explanation_ids: Sequence[int]) -> set[str]:
    table = ScoreTable
    found = session.sql.scalars(sa.select(table).where(table.explanation_id.in_(set(explanation_ids)))).all()
    harvests = sorted({row.harvest_id for row in found})
    return {
        row.key
        for harvest in harvests
        for row in claims.score_rows(session, harvest, [one for one in found if one.harvest_id == harvest])
    }


def _place(row: rows.OfFeature) -> tuple[str, str, int]:
    return row.harvest, row.sae, row.index


def _features(session: ReadSession, about: Sequence[rows.OfFeature]) -> Features:
    """The ids of these features; InvalidInput when one is not stored."""
    found: Features = {}
    for harvest, sae_id, batch in _by_sae(session, about):
        indices = {row.index for row in batch}
        statement = sa.select(FeatureTable.index, FeatureTable.id).where(
            FeatureTable.sae_id == sae_id, FeatureTable.index.in_(indices)
        )
        ids = dict(session.sql.execute(statement).all())
        if missing := sorted(indices - set(ids)):
            raise InvalidInput(f"feature {missing[0]} of the harvest {harvest} is not there; the archive is not whole")
        found |= {_place(row): ids[row.index] for row in batch}
    return found


def _by_sae(session: ReadSession, about: Sequence[Any]) -> list[tuple[str, int, list[Any]]]:
    """Rows by their harvest and the id of their SAE."""
    batches: dict[tuple[str, str], list[Any]] = {}
    for row in about:
        batches.setdefault((row.harvest, row.sae), []).append(row)
    return [(harvest, _sae_id(session, harvest, sae), batch) for (harvest, sae), batch in batches.items()]


def _sae_id(session: ReadSession, harvest: str, fingerprint: str) -> int:
    statement = (
        sa.select(SaeTable.id)
        .join(HarvestSaeTable, HarvestSaeTable.sae_id == SaeTable.id)
        .where(HarvestSaeTable.harvest_id == harvest, SaeTable.fingerprint == fingerprint)
    )
    sae_id = session.sql.execute(statement).scalar_one_or_none()
    if sae_id is None:
        raise InvalidInput(f"the harvest {harvest} has no SAE {fingerprint[:12]}; the archive is not whole")
    return sae_id


def _models(session: ReadSession, identities: Sequence[str]) -> dict[str, int]:
    statement = sa.select(ModelTable.identity, ModelTable.id).where(ModelTable.identity.in_(identities))
    found = dict(session.sql.execute(statement).all())
    if missing := [identity for identity in identities if identity not in found]:
        raise InvalidInput(f"the model {missing[0][:12]} is not there; the archive is not whole")
    return found


def _saes(session: ReadSession, model_id: int, fingerprints: Sequence[str]) -> dict[str, int]:
    statement = sa.select(SaeTable.fingerprint, SaeTable.id).where(
        SaeTable.model_id == model_id, SaeTable.fingerprint.in_(fingerprints)
    )
    found = dict(session.sql.execute(statement).all())
    if missing := [fingerprint for fingerprint in fingerprints if fingerprint not in found]:
        raise InvalidInput(f"the SAE {missing[0][:12]} is not there; the archive is not whole")
    return found
