"""A probe and a small detection against a real endpoint, whichever the environment names."""

import time
from dataclasses import replace

import pytest

from autointerp.domain.capabilities import Capability, Finding, Has
from autointerp.domain.judging import Confidence
from autointerp.llm.probe import probe
from autointerp.testing.rehearsal import Scripted, bench
from tests.live.conftest import Live

pytestmark = pytest.mark.live

FEW = {"quantile": 10, "random": 10, "same_token": 0}


async def findings(live: Live) -> dict[Capability, Finding]:
    found = await probe(live.llm, endpoint="live", model=live.model, draw=time.time_ns())
    return {one.capability: one for one in found}


def judge_of(found: dict[Capability, Finding]) -> tuple[str, dict[str, object], set[Confidence | None]]:
    """The judge with the best confidence that the endpoint allows, and the kinds that its answers may have."""
    if found[Capability.DECISIONS].has is not Has.NO:
        return "decisions", {"questions": 10}, {Confidence.DECISION}
    if found[Capability.LOGPROBS].has is Has.YES:
        return "llm", {"logprobs": 5}, {Confidence.LOGPROB, None}
    return "llm", {}, {None}


async def test_a_probe_says_why_of_every_capability(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    found = await findings(live)

    with capsys.disabled():
        for capability, one in found.items():
            print(f"\n{capability:12} {one.has:8} {one.why}", end="")  # noqa: T201
    assert set(found) == set(Capability)
    assert all(one.why for one in found.values())


async def test_a_small_detection_is_answered_within_the_budget(live: Live) -> None:
    name, options, kinds = judge_of(await findings(live))
    on = bench(Scripted(), seed=0)
    on = replace(on, tools=replace(on.tools, llm=live.llm, llm_model=f"live/{live.model}"))

    score = await on.scorer("detection", on.judge(name, options), FEW).score(
        on.specimen.meaning, on.specimen.feature, on.specimen.score
    )

    answered = [trial.answer for trial in score.trials if trial.answer.verdict is not None]
    assert answered, dict(score.unread)
    assert {answer.kind for answer in answered} <= kinds
    assert live.allowance.spent_cost == live.books.cost
    assert live.allowance.spent_tokens == live.books.tokens
