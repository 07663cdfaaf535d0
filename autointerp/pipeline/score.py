"""Score: how far each explanation holds, and its controls, on examples of the score split; then the feature is done."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from autointerp.domain.examples import Example, Split
from autointerp.domain.scores import Score
from autointerp.errors import Deferred, InvalidInput
from autointerp.pipeline.bill import Bill, billed
from autointerp.pipeline.explain import load_examples
from autointerp.pipeline.shop import Shop
from autointerp.pipeline.slip import Slip
from autointerp.pipeline.wanted import Claims, Key, Wanted, wanted
from autointerp.storage import explanations, run_features, scores
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureRow, ScoreRecord

NOTHING_TO_SCORE = "it has no explanation to score; name an explainer in the run"


async def score(shop: Shop, slip: Slip) -> None:
    """Store every score that the run lacks, and close each feature that has all it should have or never will.

    While the answers about a feature of the controls' sample come with a batch, none of the sample borrows: who lends
    to whom must not depend on which answer came first.
    """
    claims, stored = await asyncio.to_thread(_stored, shop.database, slip)
    lending = slip.deferred.isdisjoint(slip.sample) or not slip.run.spec.controls.wants("shuffled")

    async def one(feature: FeatureRow) -> None:
        if not claims.get(feature.id):
            slip.failures.setdefault(feature.id, NOTHING_TO_SCORE)
        missing = [one for one in wanted(slip, feature.id, claims, lending=lending) if one.key not in stored.heard]
        if missing:
            asked = await asyncio.to_thread(load_examples, shop.database, feature, Split.SCORE)
            await slip.in_turn(
                _score(shop, slip, feature, one, asked, instead_of=stored.unheard.get(one.key)) for one in missing
            )
        if feature.id in slip.sample and not lending:
            raise Deferred("a control waits for the explanation of another feature")

    async def one_and_close(feature: FeatureRow) -> None:
        if await slip.settles(feature, one(feature)):
            await _close(shop, slip, feature.id)

    await slip.each(one_and_close, at_once=shop.at_once)


@dataclass(frozen=True, slots=True)
class _Stored:
    """The scores that are there: those that stand, and by key the ids of those without an answer, to be made anew."""

    heard: frozenset[Key]
    unheard: Mapping[Key, int]


async def _score(
    shop: Shop,
    slip: Slip,
    feature: FeatureRow,
    wanted: Wanted,
    asked: tuple[Example, ...],
    *,
    instead_of: int | None,
) -> None:
    spec = wanted.spec
    which = f"scorer {spec.name}" + (f" (control {wanted.control})" if wanted.control else "")
    try:
        result, bill = await _heard(slip, wanted, feature, asked)
    except InvalidInput as error:  # the other scores of the feature are none the worse for it
        slip.failures.setdefault(feature.id, f"{which}: {error.detail}")
        return
    if result.unheard:  # stored, so that it is counted, and a failure, so that a resumed run asks again
        result = replace(result, undefined=_why_unheard(result))
        slip.failures.setdefault(feature.id, f"{which}: {result.undefined}")
    new = scores.NewScore(
        run_id=slip.run.id,
        explanation_id=wanted.claim.id,
        position=wanted.position,
        scorer=spec.name,
        judge=spec.judge.name if spec.judge else None,
        options=spec.options,
        judge_options=spec.judge.options if spec.judge else {},
        model=bill.model,
        seed=slip.run.spec.seed,
        score=result,
        tokens=bill.tokens,
        cost=bill.cost,
        control=wanted.control,
        borrowed_id=wanted.borrowed_id,
        instead_of=instead_of,
    )
    await shop.commits.run_many(scores.add_all, new)


async def _heard(slip: Slip, wanted: Wanted, feature: FeatureRow, asked: tuple[Example, ...]) -> tuple[Score, Bill]:
    """Score an explanation; where none of the kept replies can be read, a resumed run asks for other ones."""
    draw = 0
    while True:
        with billed(draw=draw) as bill:
            result = await wanted.scorer.score(wanted.text, feature.record, asked)
        if draw == slip.generation or not (result.unheard and bill.kept):
            return _as_sent(result, bill), bill
        draw += 1


def _why_unheard(score: Score) -> str:
    count, kinds = sum(score.unread.values()), ", ".join(sorted(score.unread))
    return f"none of the judge's {count} answers could be read ({kinds})"


def _as_sent(score: Score, bill: Bill) -> Score:
    """Name the prompt, and in each trial the request that was sent."""
    if not bill.draw:  # what was asked for was sent
        return replace(score, prompt=score.prompt or bill.prompt)
    answers = [replace(trial.answer, request=bill.sent_as(trial.answer.request)) for trial in score.trials]
    trials = tuple(replace(trial, answer=answer) for trial, answer in zip(score.trials, answers, strict=True))
    return replace(score, trials=trials, prompt=score.prompt or bill.prompt)


async def _close(shop: Shop, slip: Slip, feature_id: int) -> None:
    if (reason := slip.failures.get(feature_id)) is None:
        await shop.commits.run_many(run_features.finish_all, (slip.run.id, feature_id))
    else:
        await shop.commits.run(partial(run_features.fail, run_id=slip.run.id, reasons={feature_id: reason}))


def _stored(database: Database, slip: Slip) -> tuple[Mapping[int, Claims], _Stored]:
    """Return by feature the explanations to score and those that are lent, and what scores of them there are."""
    ids = list({feature.id for feature in slip.features} | set(slip.sample))
    with database.read() as session:
        if slip.plan.explainers:
            claims = explanations.of_run(session, slip.run.id, ids)
        else:
            claims = explanations.newest(session, slip.harvest.id, ids)
        claim_ids = [claim.id for found in claims.values() for claim in found]
        scored = scores.of_explanations(session, claim_ids, run_id=slip.run.id, control=None)
    there = [one for found in scored.values() for one in found]
    return claims, _Stored(
        heard=frozenset(_key(one) for one in there if not one.score.unheard),
        unheard={_key(one): one.id for one in there if one.score.unheard},
    )


def _key(score: ScoreRecord) -> Key:
    return score.explanation_id, score.position, score.control
