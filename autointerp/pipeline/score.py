"""Score: how far each explanation holds, on examples of the score split; then the feature is done."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from autointerp.domain.examples import Example, Split
from autointerp.domain.scores import Score
from autointerp.domain.tools import Scorer
from autointerp.pipeline.bill import Bill, billed
from autointerp.pipeline.explain import load_examples
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.slip import Slip
from autointerp.storage import explanations, run_features, scores
from autointerp.storage.engine import Database
from autointerp.storage.records import ExplanationRecord, FeatureRow

NOTHING_TO_SCORE = "it has no explanation to score; name an explainer in the run"


async def score(shop: Shop, slip: Slip) -> None:
    """Store every score that the run lacks, and close each feature that has all it should have or never will."""
    claims, held = await asyncio.to_thread(_held, shop.database, slip)

    async def one(feature: FeatureRow) -> None:
        own = claims.get(feature.id, ())
        if not own:
            slip.failures.setdefault(feature.id, NOTHING_TO_SCORE)
        missing = [(claim, i) for claim in own for i in range(len(slip.plan.scorers)) if i not in held[claim.id]]
        if missing:
            asked = await asyncio.to_thread(load_examples, shop.database, feature, Split.SCORE)
            await slip.in_turn(_score(shop, slip, feature, claim, i, asked) for claim, i in missing)

    async def one_and_close(feature: FeatureRow) -> None:
        if await slip.settles(feature, one(feature)):
            await _close(shop, slip, feature.id)

    await slip.each(one_and_close, at_once=shop.at_once)


async def _score(
    shop: Shop, slip: Slip, feature: FeatureRow, claim: ExplanationRecord, position: int, asked: tuple[Example, ...]
) -> None:
    spec, scorer = slip.plan.scorers[position]
    result, bill = await _heard(slip, scorer, feature, claim, asked)
    if _unheard(result):
        slip.failures.setdefault(feature.id, f"scorer {spec.name}: {_why_unheard(result)}")
        return
    new = scores.NewScore(
        run_id=slip.run.id,
        explanation_id=claim.id,
        position=position,
        scorer=spec.name,
        judge=spec.judge.name if spec.judge else None,
        options=spec.options,
        judge_options=spec.judge.options if spec.judge else {},
        model=bill.model,
        seed=slip.run.spec.seed,
        score=result,
        tokens=bill.tokens,
        cost=bill.cost,
    )
    await shop.commits.run_many(scores.add_all, new)


async def _heard(
    slip: Slip, scorer: Scorer, feature: FeatureRow, claim: ExplanationRecord, asked: tuple[Example, ...]
) -> tuple[Score, Bill]:
    """Score an explanation; where none of the kept replies can be read, a resumed run asks for other ones."""
    draw = 0
    while True:
        with billed(draw=draw) as bill:
            result = await scorer.score(claim.explanation.text, feature.record, asked)
        if draw == slip.generation or not (_unheard(result) and bill.kept):
            return _as_sent(result, bill), bill
        draw += 1


def _unheard(score: Score) -> bool:
    """Whether the judge was asked and no answer could be read; such a score says nothing and is not kept."""
    return score.value is None and bool(score.unread) and not score.answered


def _why_unheard(score: Score) -> str:
    count, kinds = sum(score.unread.values()), ", ".join(sorted(score.unread))
    return f"none of the judge's {count} answers could be read ({kinds})"


def _as_sent(score: Score, bill: Bill) -> Score:
    """Name the prompt, and in each trial the request that was sent."""
    answers = [replace(trial.answer, request=bill.sent_as(trial.answer.request)) for trial in score.trials]
    trials = tuple(replace(trial, answer=answer) for trial, answer in zip(score.trials, answers, strict=True))
    return replace(score, trials=trials, prompt=score.prompt or bill.prompt)


async def _close(shop: Shop, slip: Slip, feature_id: int) -> None:
    if (reason := slip.failures.get(feature_id)) is None:
        await shop.commits.run_many(run_features.finish_all, (slip.run.id, feature_id))
    else:
        await shop.commits.run(partial(run_features.fail, run_id=slip.run.id, reasons={feature_id: reason}))


def _held(database: Database, slip: Slip) -> tuple[Mapping[int, tuple[ExplanationRecord, ...]], Mapping[int, set[int]]]:
    """Return the explanations to score, by feature, and the positions that this run has scored, by explanation."""
    ids = [feature.id for feature in slip.features]
    with database.read() as session:
        if slip.plan.explainers:
            claims = explanations.of_run(session, slip.run.id, ids)
        else:
            claims = explanations.newest(session, slip.harvest.id, ids)
        claim_ids = [claim.id for found in claims.values() for claim in found]
        scored = scores.of_explanations(session, claim_ids, run_id=slip.run.id)
    held = {claim_id: {one.position for one in scored.get(claim_id, ())} for claim_id in claim_ids}
    return claims, held
