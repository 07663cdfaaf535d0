"""Records of Neuronpedia as rows of an archive."""

import math
from datetime import UTC, datetime
from typing import Any

from autointerp.domain import archived
from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT
from autointerp.domain.scores import IMPORTED
from autointerp.exchange.foundation import UNKNOWN_TIME, Claim, Target
from autointerp.exchange.gathered import text_of
from autointerp.exchange.neuronpedia import PREFIX
from autointerp.exchange.neuronpedia.records import Explanation, Feature, Score
from autointerp.storage.archive.claims import reference

UNKNOWN_TOKENS = 1_000_000_000  # they keep a density, and not of how many tokens: kept to nine digits
STATED = "stated"  # the metric of a score of which only the value is known


def statistics_of(feature: Feature | int, target: Target, numbers: dict[str, int]) -> archived.ArchivedFeature:
    """What is known of a feature; of one of which only the index is known, nothing."""
    if isinstance(feature, int):
        return archived.ArchivedFeature(**target.place(feature).model_dump(), **_counted(None), **_NO_TOKENS)
    own = feature.autointerp
    tokens = own.top_tokens if own is not None else []
    near = [] if own is None else own.neighbours
    cosines = list(zip(feature.topkCosSimIndices or (), feature.topkCosSimValues or (), strict=False))
    promoted = list(zip(feature.pos_str or (), feature.pos_values or (), strict=False))
    suppressed = list(zip(feature.neg_str or (), feature.neg_values or (), strict=False))
    return archived.ArchivedFeature(
        **target.place(feature.index).model_dump(),
        **_counted(feature),
        top_token=[numbers[text_of(token.piece)] for token in tokens],
        top_count=[token.count for token in tokens],
        top_mean=[token.mean for token in tokens],
        promoted_token=[numbers[text_of(piece)] for piece, _ in promoted],
        promoted_logit=[logit for _, logit in promoted],
        suppressed_token=[numbers[text_of(piece)] for piece, _ in suppressed],
        suppressed_logit=[logit for _, logit in suppressed],
        neighbour=[one.index for one in near] if near else [index for index, _ in cosines],
        neighbour_cosine=[one.cosine for one in near] if near else [cosine for _, cosine in cosines],
        neighbour_coactivation=[one.coactivation for one in near] if near else [0.0 for _ in cosines],
    )


def claim_of(line: Explanation, target: Target) -> Claim:
    """An explanation with its scores, marked as what it is: not ours."""
    own = line.autointerp
    explanation = archived.ArchivedExplanation(
        **target.place(line.index or 0).model_dump(),
        run=None,
        position=0 if own is None else own.position,
        explainer=PREFIX + (line.typeName or "unknown"),
        options={} if own is None else own.options,
        request=None if line.id is None else PREFIX + line.id,
        model=line.explanationModelName,
        seed=0 if own is None else own.seed,
        tokens=0 if own is None else own.tokens,
        cost=None if own is None else own.cost,
        created_at=_moment(line.createdAt),
        text=line.description,
        shown=[],
        prompt=None if own is None else own.prompt,
    )
    return explanation, [_score(score, explanation, i) for i, score in enumerate(line.scores)]


def bin_of(value: float) -> int:
    """The bin of our histogram that an activation is in."""
    exponent = math.log2(value) if value > 0 else LOWEST_EXPONENT
    return min(max(math.floor((exponent - LOWEST_EXPONENT) * BINS_PER_OCTAVE), 0), BINS - 1)


_NO_TOKENS: dict[str, Any] = {
    name: []
    for name in (
        *("top_token", "top_count", "top_mean", "promoted_token", "promoted_logit", "suppressed_token"),
        *("suppressed_logit", "neighbour", "neighbour_cosine", "neighbour_coactivation"),
    )
}


def _counted(feature: Feature | None) -> dict[str, Any]:
    if feature is None:
        return {"tokens": 0, "firings": 0, "sum": 0.0, "sum_of_squares": 0.0, "max": 0.0, "filled": [], "counts": []}
    own = feature.autointerp
    largest = feature.maxActApprox or 0.0
    if own is not None:
        kept = {"tokens", "firings", "sum", "sum_of_squares", "filled", "counts"}
        return {**own.model_dump(include=kept), "max": largest}
    bars = list(zip(feature.freq_hist_data_bar_values or (), feature.freq_hist_data_bar_heights or (), strict=False))
    weight = sum(height for _, height in bars)
    firings = round((feature.frac_nonzero or 0.0) * UNKNOWN_TOKENS)
    counts: dict[int, int] = {}
    for value, height in bars:
        counts[bin_of(value)] = counts.get(bin_of(value), 0) + round(height)
    filled = sorted(number for number, count in counts.items() if count)
    return {
        "tokens": UNKNOWN_TOKENS,
        "firings": firings,
        "sum": firings * sum(value * height for value, height in bars) / weight if weight else 0.0,
        "sum_of_squares": firings * sum(value**2 * height for value, height in bars) / weight if weight else 0.0,
        "max": largest,
        "filled": filled,
        "counts": [counts[number] for number in filled],
    }


def _score(line: Score, explanation: archived.ArchivedExplanation, position: int) -> archived.ArchivedScore:
    own = line.autointerp
    about: dict[str, Any] = {
        "judge": None,
        "options": {},
        "judge_options": {},
        "metric": STATED,
        "low": None,
        "high": None,
        "asked": 0,
        "answered": 0,
        "unread": {},
        "metrics": {},
        "breakdown": [],
        "prompt": None,
        "seed": 0,
        "tokens": 0,
        "cost": None,
    }
    if own is not None:
        about = own.model_dump(exclude={"scorer", "imported"})
    return archived.ArchivedScore(
        harvest=explanation.harvest,
        sae=explanation.sae,
        index=explanation.index,
        explanation=reference(explanation),
        run=None,
        position=position,
        scorer=PREFIX + (line.explanationScoreTypeName if own is None else own.scorer),
        model=line.explanationScoreModelName or None,
        value=line.value,
        undefined=None,
        control=IMPORTED,
        borrowed=None,
        created_at=_moment(line.createdAt),
        trials=[],
        **about,
    )


def _moment(moment: datetime | None) -> datetime:
    if moment is None:
        return UNKNOWN_TIME
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
