"""A run through the real SDKs against a server that fails in every way: nothing is lost, nothing unread is scored."""

import shutil
from collections import Counter
from itertools import cycle
from pathlib import Path

import pytest

from autointerp import wiring
from autointerp.domain.ledger import Attempt, AttemptStatus
from autointerp.domain.specs import RunSpec
from autointerp.runs import create_run, estimate, resume_run, wait_run
from autointerp.settings import Settings, load
from autointerp.storage import calls, explanations, runs, scores
from autointerp.storage.records import RunProgress, RunRecord, RunState, ScoreRecord
from autointerp.testing import behaviours, serve
from autointerp.testing.behaviours import Behaviour, Response, Seen
from tests.pipeline.world import planted_harvest

pytestmark = pytest.mark.e2e

KEY = "sk-test-4f7d2c"
FEATURES = tuple(range(8))
FAULTS = (
    behaviours.rate_limited(0.02),
    behaviours.honest,
    behaviours.failing(500),
    behaviours.honest,
    behaviours.broken_json(),
    behaviours.honest,
    behaviours.refusing(),
    behaviours.honest,
    behaviours.slow(3, behaviours.honest),
    behaviours.honest,
    behaviours.truncated(),
    behaviours.honest,
    behaviours.html(),
    behaviours.honest,
)


@pytest.fixture(autouse=True)
def database(harvested: Path, tmp_path: Path) -> None:
    """The database of each test holds the harvest: what servers do begins behind it."""
    shutil.copyfile(harvested, tmp_path / "autointerp.db")


def faulty() -> Behaviour:
    """Every other request meets the next fault."""
    turns = cycle(FAULTS)

    async def behave(seen: Seen) -> Response:
        return await next(turns)(seen)

    return behave


def settings(tmp_path: Path, provider: str, url: str, key: str = KEY, *, timeout: float = 1) -> Settings:
    return load(
        data_dir=tmp_path,
        worker={"lease": 5, "drain": 5, "polling": 0.05, "chunks": 1, "features": 4},
        endpoints={
            "server": {
                "provider": provider,
                "base_url": url,
                "api_key": key,
                "options": {"timeout": timeout},
                "policy": {"attempts": 4, "wait_initial": 0.01, "wait_max": 0.05},
                "price": {"input": 1.0, "output": 2.0},
            }
        },
    )


def spec(folder: Path, *, controls: int = 0) -> RunSpec:
    return RunSpec.model_validate(
        {
            "harvest": planted_harvest(folder),
            "controls": {"features": controls},
            "features": {"indices": FEATURES},
            "explainers": ["default"],
            "scorers": [{"name": "detection", "judge": "llm"}, {"name": "fuzzing", "judge": "llm"}],
            "llm": "server/some-model",
            "chunk": 4,
        }
    )


def carry_out(chosen: Settings, wanted: RunSpec, resumed: str | None = None) -> RunRecord:
    """Do a run, or take one up again, with a worker in this process."""
    database = wiring.open_database(chosen)
    try:
        with wiring.open_desk(chosen, database) as desk, wiring.embedded_worker(chosen, database):
            run = resume_run(desk, resumed) if resumed else create_run(desk, wanted, idempotency_key=None)
            return wait_run(desk, run.id, timeout=120, poll=0.05)
    finally:
        database.close()


def read(chosen: Settings, run_id: str) -> tuple[RunProgress, tuple[ScoreRecord, ...], list[Attempt], int]:
    """What the run left: its progress, scores, ledger and the number of explanations."""
    database = wiring.open_database(chosen)
    with database.read() as session:
        found = (
            runs.progress(session, run_id),
            scores.list_scores(session, run_id=run_id, after=None, limit=1000),
            [line for _, line in calls.list_calls(session, run_id=run_id, after=None, limit=10_000)],
            len(explanations.list_explanations(session, run_id=run_id, after=None, limit=1000)),
        )
    database.close()
    return found


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_run_against_a_faulty_server_does_what_can_be_done(provider: str, folder: Path, tmp_path: Path) -> None:
    with serve(faulty(), key=KEY) as server:
        chosen = settings(tmp_path, provider, server.openai_url if provider == "openai" else server.url)
        run = carry_out(chosen, spec(folder))
        requests = len(server.requests)
    progress, found, ledger, explained = read(chosen, run.id)
    kinds = Counter(line.status for line in ledger)

    assert run.state in (RunState.COMPLETE, RunState.COMPLETE_WITH_FAILURES)
    assert (progress.waiting, progress.done + progress.failed) == (0, len(FEATURES))
    assert explained == len(FEATURES) - progress.unread
    assert len(progress.failures) == progress.failed
    assert all(failure.reason for failure in progress.failures)
    assert {AttemptStatus.RATE_LIMITED, AttemptStatus.REFUSED, AttemptStatus.TRUNCATED} <= set(kinds)
    assert {AttemptStatus.FAILED, AttemptStatus.MALFORMED, AttemptStatus.TIMED_OUT} <= set(kinds)
    assert requests == sum(count for kind, count in kinds.items() if kind is not AttemptStatus.CACHED)
    assert all(one.score.asked == one.score.answered + sum(one.score.unread.values()) for one in found)
    assert sum(sum(one.score.unread.values()) for one in found) > 0
    assert all(one.score.value is None or one.score.answered > 0 for one in found)
    assert progress.cost == sum(line.cost or 0 for line in ledger)
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_estimate_is_within_15_percent_of_what_the_run_records(provider: str, folder: Path, tmp_path: Path) -> None:
    wanted = spec(folder, controls=len(FEATURES))
    with serve(behaviours.honest, key=KEY) as server:
        url = server.openai_url if provider == "openai" else server.url
        chosen = settings(tmp_path, provider, url, timeout=60)
        database = wiring.open_database(chosen)
        try:
            with wiring.open_desk(chosen, database) as desk, wiring.embedded_worker(chosen, database):
                [unlearned] = estimate(desk, wanted)
                before = len(server.requests)
                run = create_run(desk, wanted, idempotency_key=None)
                wait_run(desk, run.id, timeout=120, poll=0.05)
                [learned] = estimate(desk, wanted)
        finally:
            database.close()
    progress = read(chosen, run.id)[0]

    assert before == 0
    for quote, within in ((unlearned, 0.15), (learned, 0.05)):
        assert quote.requests == pytest.approx(progress.requests, rel=within)
        assert quote.likely.usage.total == pytest.approx(progress.tokens, rel=within)
        assert quote.likely.cost == pytest.approx(progress.cost, rel=within)
        assert (quote.low.cost or 0) <= (quote.likely.cost or 0) <= (quote.high.cost or 0)
        assert (quote.low.cost or 0) < progress.cost < (quote.high.cost or 0)
    assert (False, True) == (unlearned.learned, learned.learned)


def test_a_wrong_key_fails_the_run_in_one_sentence_and_a_right_one_finishes_it(folder: Path, tmp_path: Path) -> None:
    with serve(behaviours.honest, key=KEY) as server:
        wrong = settings(tmp_path, "openai", server.openai_url, key="sk-wrong-91b")
        run = carry_out(wrong, spec(folder))
        before = read(wrong, run.id)[0]
        done = carry_out(settings(tmp_path, "openai", server.openai_url), spec(folder), resumed=run.id)
        after = read(wrong, run.id)[0]

    assert run.state is RunState.FAILED
    assert "key" in (run.error or "")
    assert "sk-wrong" not in (run.error or "")
    assert (before.done, before.waiting) == (0, len(FEATURES))
    assert (done.state, after.done) == (RunState.COMPLETE, len(FEATURES))
