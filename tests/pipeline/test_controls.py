"""On a sample of its features a run scores its controls too: stored apart, paid for, and never taken for scores."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autointerp.cli import results
from autointerp.domain.calls import Request
from autointerp.domain.specs import RunSpec
from autointerp.pipeline.chunk import run_chunk
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.runs import Quote, controls_of, create_run, estimate, resume_run
from autointerp.storage import explanations, features, harvests, run_features, saes, scores
from autointerp.storage.records import ExplanationRecord, RunState, ScoreRecord
from tests.pipeline.test_chunk import COUNT, explains_tools, judges, unjudged
from tests.pipeline.world import AT_ONCE, World, go_on, honestly, open_world, planted_harvest

SAMPLE = 3
KINDS = ("shuffled", "always_yes", "always_no")
BOTH = [{"name": "detection", "judge": "llm"}, {"name": "fuzzing", "judge": "lexical"}]


@pytest.fixture
async def fresh(upgraded_sqlite: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over an empty database."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(upgraded_sqlite, path)
    async with open_world(f"sqlite:///{path}", folder=folder, data_dir=tmp_path, subjects=subjects) as opened:
        yield opened


def controlled(world: World, **options: object) -> RunSpec:
    return world.spec(**({"controls": {"features": SAMPLE}} | options))


def stored(world: World, run_id: str, control: str | None) -> tuple[ScoreRecord, ...]:
    with world.desk.database.read() as session:
        return scores.list_scores(session, run_id=run_id, control=control, limit=1000)


def explained(world: World, run_id: str) -> dict[int, ExplanationRecord]:
    with world.desk.database.read() as session:
        found = explanations.list_explanations(session, run_id=run_id, limit=1000)
    return {one.id: one for one in found}


async def estimated(world: World, spec: RunSpec) -> Quote:
    (quote,) = await asyncio.to_thread(estimate, world.desk, spec)
    return quote


def sample_of(world: World, run_id: str) -> tuple[int, ...]:
    with world.desk.database.read() as session:
        return run_features.sample(session, run_id)


def test_a_run_without_a_word_about_controls_has_them() -> None:
    spec = RunSpec.model_validate({"harvest": "h", "explainers": ["default"]})

    assert spec.controls.features == 10
    assert all(spec.controls.wants(kind) for kind in (*KINDS, "random_direction"))


async def test_each_feature_of_the_sample_has_a_score_by_each_scorer_and_control(world: World) -> None:
    run = await world.carry_out(controlled(world, scorers=BOTH))

    found = world.progress(run.id)
    assert run.state is RunState.COMPLETE
    assert (found.done, found.explanations, found.scores) == (COUNT, COUNT, 2 * COUNT)
    assert found.controls == 2 * SAMPLE * len(KINDS)
    for kind in KINDS:
        made = stored(world, run.id, kind)
        assert {one.feature_id for one in made} == set(sample_of(world, run.id))
        assert {(one.position, one.scorer) for one in made} == {(0, "detection"), (1, "fuzzing")}


async def test_a_shuffled_explanation_is_another_features_and_each_lends_to_one(world: World) -> None:
    run = await world.carry_out(controlled(world))

    claims = explained(world, run.id)
    made = stored(world, run.id, "shuffled")
    lenders = [claims[one.borrowed_id or 0] for one in made]
    assert sorted(lender.feature_id for lender in lenders) == sorted(sample_of(world, run.id))
    for one, lender in zip(made, lenders, strict=True):
        assert claims[one.explanation_id].feature_id == one.feature_id != lender.feature_id
        assert lender.explanation.text != claims[one.explanation_id].explanation.text
    proper = {one.explanation_id: one.score.value or 0.0 for one in stored(world, run.id, "")}
    assert all(one.score.value is not None and one.score.value < proper[one.explanation_id] for one in made)


async def test_a_fixed_answer_costs_nothing_and_scores_like_a_coin(world: World) -> None:
    run = await world.carry_out(controlled(world, scorers=BOTH))

    for kind, answer in (("always_yes", True), ("always_no", False)):
        for one in stored(world, run.id, kind):
            assert (one.judge, one.judge_options, one.model) == ("fixed", {"answer": answer}, None)
            assert (one.tokens, one.cost, one.score.value) == (0, 0, 0.5)


async def test_what_controls_cost_is_on_the_books(world: World) -> None:
    run = await world.carry_out(controlled(world))

    paid = [*explained(world, run.id).values(), *stored(world, run.id, None)]
    assert all(one.tokens > 0 for one in stored(world, run.id, "shuffled"))
    assert sum(one.tokens for one in paid) == world.progress(run.id).tokens


async def test_the_sample_follows_from_the_seed_and_is_in_one_unit_of_work(world: World) -> None:
    samples = [
        sample_of(world, create_run(world.desk, controlled(world, seed=seed, chunk=chunk), idempotency_key=None).id)
        for seed, chunk in ((0, 1), (0, 4), (1, 1))
    ]

    assert samples[0] == samples[1] != samples[2]
    assert all(len(sample) == SAMPLE for sample in samples)
    first = min(job.split("/")[1] for job in world.queue.queued)
    assert len([job for job in world.queue.queued if first in job]) == 1 + COUNT - SAMPLE


async def test_a_run_resumed_after_a_kill_makes_only_the_controls_that_are_missing(world: World) -> None:
    run = create_run(world.desk, controlled(world, chunk=100), idempotency_key=None)
    some = asyncio.Event()

    def answer(request: Request) -> str:
        if stored(world, run.id, "shuffled"):
            some.set()
        return honestly(request)

    world.model.answer = answer
    cut_off = asyncio.create_task(run_chunk(world.shop, run.id, 0, 0, stop=go_on))
    await some.wait()
    cut_off.cancel()
    await asyncio.gather(cut_off, return_exceptions=True)
    await world.shop.commits.close()
    before = {one.id for one in stored(world, run.id, None)}
    world.model.answer = honestly
    await world.work()

    after = stored(world, run.id, None)
    keys = [request.key for request in world.model.asked]
    assert world.run(run.id).state is RunState.COMPLETE
    assert before < {one.id for one in after}
    assert len(after) == COUNT + SAMPLE * len(KINDS)
    assert len(keys) - len(set(keys)) <= AT_ONCE


async def test_controls_are_never_among_the_scores(world: World) -> None:
    run = await world.carry_out(controlled(world))

    found = [score for one in results.of_run(world.desk.database, run) for e in one.explanations for score in e.scores]
    exported = results.of_harvest(world.desk.database, run.harvest_id or "", None)
    with world.desk.database.read() as session:
        by_explanation = scores.of_explanations(session, list(explained(world, run.id)), run_id=None)
    assert len(found) == COUNT
    assert {score.judge for score in found} == {"llm"}
    assert sum(len(e.scores) for one in exported for e in one.explanations) == COUNT
    assert all(one.control == "" for made in by_explanation.values() for one in made)


async def test_a_text_of_its_own_is_never_borrowed(world: World) -> None:
    world.model.answer = lambda request: honestly(request) if judges(request) else '{"explanation": "Words."}'

    run = await world.carry_out(controlled(world))

    assert run.state is RunState.COMPLETE
    assert stored(world, run.id, "shuffled") == ()
    assert len(stored(world, run.id, "always_yes")) == SAMPLE


async def test_a_feature_without_an_explanation_lends_none(world: World) -> None:
    world.model.answer = lambda request: "I would rather not" if explains_tools(request) else honestly(request)

    run = await world.carry_out(controlled(world, controls={"features": COUNT}))

    assert run.state is RunState.COMPLETE_WITH_FAILURES
    assert len(stored(world, run.id, "shuffled")) == COUNT - 1


async def test_a_control_that_could_not_be_heard_is_asked_for_again_when_the_run_is_resumed(world: World) -> None:
    await world.carry_out(world.spec())  # so that all replies but those about shuffled explanations are kept
    world.model.answer = unjudged
    run = await world.carry_out(controlled(world))
    failed = world.progress(run.id).failures
    world.model.answer = honestly

    resume_run(world.desk, run.id)
    await world.work()

    told = "scorer detection (control shuffled): none of the judge's"
    assert len(failed) == SAMPLE
    assert all(told in failure.reason for failure in failed)
    assert world.run(run.id).state is RunState.COMPLETE
    assert len(stored(world, run.id, "shuffled")) == SAMPLE


async def test_a_run_without_explainers_borrows_from_the_same_explainer(world: World) -> None:
    await world.carry_out(world.spec(scorers=[]))
    await world.carry_out(world.spec(explainers=["token_statistics"], scorers=[], llm=None))

    run = await world.carry_out(
        controlled(world, explainers=[], scorers=[{"name": "fuzzing", "judge": "lexical"}], llm=None)
    )

    made = stored(world, run.id, "shuffled")
    with world.desk.database.read() as session:
        pairs = [[explanations.get(session, key) for key in (one.explanation_id, one.borrowed_id or 0)] for one in made]
    assert len(made) == 2 * SAMPLE
    assert all(own.explainer == lender.explainer for own, lender in pairs)
    assert [line.measure.explainer for line in controls_of(world.desk.database, run.id).against] == [
        *["default"] * len(KINDS),
        *["token_statistics"] * len(KINDS),
    ]


async def test_the_report_holds_each_score_against_its_controls(world: World) -> None:
    run = await world.carry_out(controlled(world, scorers=BOTH))

    found = controls_of(world.desk.database, run.id)

    assert found.sample == SAMPLE
    assert [(line.measure.scorer, line.control) for line in found.against] == [
        (scorer, kind) for scorer in ("detection", "fuzzing") for kind in KINDS
    ]
    for line in found.against:
        assert line.features == SAMPLE
        assert line.score is not None
        assert line.control_score is not None
        assert line.score > line.control_score + 0.25
        assert line.control_score < 0.6


async def test_a_run_without_controls_has_an_empty_report(world: World) -> None:
    run = await world.carry_out(world.spec())

    found = controls_of(world.desk.database, run.id)

    assert (found.sample, found.against, world.progress(run.id).controls) == (0, (), 0)


async def test_an_estimate_counts_the_controls(world: World) -> None:
    spec = controlled(world, controls={"features": 4}, features={"min_firings": 20})

    without = await estimated(world, spec.model_copy(update={"controls": world.spec().controls}))
    told = await estimated(world, spec)
    run = await world.carry_out(spec)

    found = world.progress(run.id)
    assert told.requests > without.requests
    assert abs(told.requests - found.requests) <= 0.15 * found.requests
    assert abs(told.likely.usage.input - found.read) <= 0.15 * found.read


async def test_a_scorer_that_is_not_asked_for_has_no_controls(world: World) -> None:
    run = await world.carry_out(controlled(world, scorers=[]))

    assert sample_of(world, run.id) == ()


async def test_random_directions_are_explained_and_scored_as_controls(fresh: World, folder: Path) -> None:
    steered = [*BOTH, {"name": "intervention", "judge": "lexical"}]
    spec = controlled(fresh, harvest=planted_harvest(folder, tokens=12_000), scorers=steered)

    run = await fresh.carry_out(spec)

    made = stored(fresh, run.id, "random_direction")
    with fresh.desk.database.read() as session:
        record = harvests.get(session, run.harvest_id or "")
        found = [saes.get(session, sae_id) for sae_id in record.sae_ids]
        rows = features.get_many(session, record.id, [one.feature_id for one in made])
    assert run.state is RunState.COMPLETE
    assert ["random"] == [sae.kind for sae in found[1:]]
    assert found[0].hook == found[1].hook
    assert {row.sae_id for row in rows} == {found[1].id}
    assert {0: SAMPLE, 1: SAMPLE, 2: SAMPLE} == Counter(one.position for one in made)
    progress = fresh.progress(run.id)
    assert (progress.done, progress.explanations, progress.scores) == (COUNT, COUNT, 3 * COUNT)
    assert len(list(results.of_run(fresh.desk.database, run))) == COUNT
    line = next(one for one in controls_of(fresh.desk.database, run.id).against if one.control == "random_direction")
    assert (line.features, line.measure.scorer) == (SAMPLE, "detection")
    assert line.score is not None
    assert line.control_score is not None
    assert line.score > line.control_score


async def test_a_harvest_without_random_directions_is_not_made_again(world: World) -> None:
    run = await world.carry_out(controlled(world))

    with world.desk.database.read() as session:
        record = harvests.get(session, run.harvest_id or "")
    assert record.spec == world.harvest
    assert stored(world, run.id, "random_direction") == ()


async def test_an_estimate_counts_random_directions(fresh: World, folder: Path) -> None:
    spec = controlled(fresh, harvest=planted_harvest(folder, tokens=12_000), features={"min_firings": 20})
    await fresh.carry_out(spec)

    run = await fresh.carry_out(spec.model_copy(update={"seed": 1}))

    told, found = await estimated(fresh, run.spec), fresh.progress(run.id)
    assert abs(told.requests - found.requests - found.cached) <= 0.15 * told.requests
