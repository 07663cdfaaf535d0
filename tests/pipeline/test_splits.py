"""An explainer is handed the splits that it declares, and never the one that explanations are scored on."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from autointerp.domain.calls import Request
from autointerp.domain.examples import Split
from autointerp.errors import InvalidSpec
from autointerp.runs import create_run
from autointerp.runs.rehearsal import rehearse
from autointerp.storage import examples, explanations
from autointerp.storage.records import RunState
from tests.pipeline.watching import Watching
from tests.pipeline.world import FEATURES, World

WATCHING = "tests.pipeline.watching"
LEXICAL = {"name": "detection", "judge": "lexical"}


def declaring(*splits: Split) -> dict[str, object]:
    return {"name": WATCHING, "options": {"sees": splits}}


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    Watching.handed.clear()


@pytest.mark.parametrize(
    ("explainer", "handed"),
    [
        (WATCHING, {Split.EXPLAIN}),
        (declaring(Split.EXPLAIN), {Split.EXPLAIN}),
        (declaring(Split.EXPLAIN, Split.VALIDATION), {Split.EXPLAIN, Split.VALIDATION}),
    ],
)
async def test_what_an_explainer_declares_is_what_it_is_handed(
    world: World, explainer: object, handed: set[Split]
) -> None:
    run = await world.carry_out(world.spec(explainers=[explainer], scorers=[LEXICAL]))

    assert run.state is RunState.COMPLETE
    assert Watching.handed == [frozenset(handed)] * len(FEATURES)


async def test_one_that_declares_nothing_is_handed_no_more_because_another_does(world: World) -> None:
    both = [declaring(Split.EXPLAIN, Split.VALIDATION), WATCHING]
    await world.carry_out(world.spec(explainers=both, scorers=[]))

    assert sorted(map(len, Watching.handed)) == [1] * len(FEATURES) + [2] * len(FEATURES)


async def test_one_that_wants_the_score_split_is_refused_before_anything_is_stored(world: World) -> None:
    with pytest.raises(InvalidSpec, match="score split, which no explainer is given"):
        create_run(world.desk, world.spec(explainers=[declaring(Split.EXPLAIN, Split.SCORE)]), idempotency_key=None)


async def test_best_of_asks_about_validation_and_is_shown_windows_of_the_explain_split(world: World) -> None:
    options = {"explainer": ["default", "token_statistics"], "n": 2}
    run = await world.carry_out(world.spec(explainers=[{"name": "best_of", "options": options}], scorers=[LEXICAL]))

    told = {text for request in world.model.asked for text in texts(request)}
    held: dict[Split, set[str]] = {split: set() for split in Split}
    with world.desk.database.read() as session:
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
        for one in made:
            by_split = {split: examples.load(session, one.harvest_id, one.feature_id, split) for split in Split}
            assert set(one.explanation.shown) <= {example.window for example in by_split[Split.EXPLAIN]}
            for split, found in by_split.items():
                held[split] |= {example.text for example in found}
    assert run.state is RunState.COMPLETE
    assert len(made) == len(FEATURES)
    assert told <= held[Split.EXPLAIN] | held[Split.VALIDATION]
    assert told & (held[Split.VALIDATION] - held[Split.EXPLAIN])


def texts(request: Request) -> Iterator[str]:
    """The texts that a request shows, without marks."""
    for line in request.messages[-1].text.splitlines():
        if line.startswith("{"):
            yield str(next(iter(json.loads(line).values()))).replace("«", "").replace("»", "")


async def test_the_model_of_a_winner_that_asked_nobody_is_not_that_of_the_judge(world: World) -> None:
    options = {"explainer": ["token_statistics", WATCHING], "n": 1, "scorer": {"name": "detection", "judge": "llm"}}
    run = await world.carry_out(world.spec(explainers=[{"name": "best_of", "options": options}], scorers=[]))

    with world.desk.database.read() as session:
        made = explanations.list_explanations(session, run_id=run.id, limit=100)
    assert [one.model for one in made] == [None] * len(FEATURES)
    assert all(one.tokens > 0 for one in made)


async def test_the_estimate_of_a_run_counts_what_trying_out_its_candidates_asks(world: World) -> None:
    def requests(n: int) -> float:
        spec = world.spec(explainers=[{"name": "best_of", "options": {"n": n}}], scorers=[])
        return sum(one.requests for one in rehearse(world.desk, spec))

    one, three = await asyncio.to_thread(requests, 1), await asyncio.to_thread(requests, 3)

    assert one == len(FEATURES)
    assert three >= 3 * len(FEATURES) + 3 * 2 * len(
        FEATURES
    )  # each candidate is made, and tried by two requests or more
