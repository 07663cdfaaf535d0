"""A comparison of two sides as the API takes and shows it."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.verdicts import Verdicts as CountedVerdicts
from autointerp.api.schemas.base import Shown, example
from autointerp.api.schemas.measures import DETECTION, EXPLAINER, Explainer, Scorer
from autointerp.api.schemas.scores import Interval
from autointerp.domain.specs import MOST, MOST_INDEX
from autointerp.runs import Compared, FoundSide, RunSide, ScorerComparison

WANTED_EXAMPLE: dict[str, Any] = {
    "first": {"run_id": "0192f3ab01d2", "explainer": "default"},
    "second": {"run_id": "0192f3ab01d2", "explainer": "token_statistics"},
}
SIDE: dict[str, Any] = {"run_id": "0192f3ab01d2", "run_name": None, "harvest_id": "0192f3aa7c51", "seed": 0}
VERDICTS: dict[str, Any] = {
    "both_right": 8_100,
    "first_right": 710,
    "second_right": 430,
    "both_wrong": 610,
    "unread": 12,
    "unmatched": 0,
    "agreement": 0.884,
}
BY_DETECTION: dict[str, Any] = {
    "scorer": DETECTION,
    "pairs": 96,
    "first": 0.86,
    "second": 0.82,
    "difference": 0.04,
    "interval": {"low": 0.02, "high": 0.06},
    "p": 0.0004,
    "wins": 58,
    "ties": 7,
    "losses": 31,
    "left_out": {"second_not_scored": 3, "first_undefined": 1},
    "verdicts": VERDICTS,
}


class WantedSide(BaseModel):
    """One side of a comparison: a run, and which of the explainers that it scored."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    explainer: Annotated[int, Field(ge=0, le=MOST_INDEX)] | Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="by name, or by position among the run's own; null: the only one"
    )

    @property
    def side(self) -> RunSide:
        """The side as it is looked up."""
        return RunSide(self.run_id, self.explainer)


class ComparisonWanted(BaseModel):
    """Which two sides to compare."""

    model_config = ConfigDict(extra="forbid")

    first: WantedSide
    second: WantedSide
    verdicts: bool = Field(default=False, description="also question by question, which reads every trial")
    seed: int = Field(default=0, ge=0, le=MOST, description="of the resamples")


class ComparedSide(Shown):
    """One side of a comparison as it was found."""

    model_config = example(**SIDE, explainer=EXPLAINER)

    run_id: str
    run_name: str | None
    harvest_id: str | None
    seed: int
    explainer: Explainer

    @classmethod
    def of(cls, found: FoundSide) -> Self:
        """Show a side."""
        return cls(
            run_id=found.run.id,
            run_name=found.run.spec.name,
            harvest_id=found.run.harvest_id,
            seed=found.run.spec.seed,
            explainer=Explainer.of(found.explainer),
        )


class Verdicts(Shown):
    """The questions that both sides were asked in the same words about the same passage."""

    model_config = example(**VERDICTS)

    both_right: int
    first_right: int = Field(description="right on the first side only")
    second_right: int = Field(description="right on the second side only")
    both_wrong: int
    unread: int = Field(description="not read on one side or the other")
    unmatched: int = Field(description="asked on one side only")
    agreement: float | None = Field(description="share with the same answer; null: none was read on both sides")

    @classmethod
    def of(cls, counted: CountedVerdicts) -> Self:
        """Show the counts."""
        return cls(**{name: getattr(counted, name) for name in cls.model_fields})


class ComparedScorer(Shown):
    """The two sides by one scorer, over the features that have a score on both."""

    model_config = example(**BY_DETECTION)

    scorer: Scorer
    pairs: int = Field(description="features with a score on both sides")
    first: float | None = Field(description="mean score of the first side; null: there is no pair")
    second: float | None
    difference: float | None = Field(description="mean of first - second")
    interval: Interval | None = Field(description="of the difference, resampling features; null: fewer than two pairs")
    p: float | None = Field(description="two-sided p-value of no difference, by flipping signs at random")
    wins: int = Field(description="features with a higher score on the first side")
    ties: int
    losses: int
    left_out: dict[str, int] = Field(description="features that are no pair, by reason")
    verdicts: Verdicts | None = Field(description="question by question, where it was asked for")

    @classmethod
    def of(cls, compared: ScorerComparison) -> Self:
        """Show how the sides fared by one scorer."""
        found = compared.comparison
        return cls(
            scorer=Scorer.of(compared.scorer),
            pairs=found.pairs,
            first=found.first,
            second=found.second,
            difference=found.difference,
            interval=Interval.between(found.interval),
            p=found.p,
            wins=found.wins,
            ties=found.ties,
            losses=found.losses,
            left_out={str(reason): count for reason, count in found.left_out.items()},
            verdicts=None if compared.verdicts is None else Verdicts.of(compared.verdicts),
        )


class NotCompared(Shown):
    """A scorer whose scores cannot be compared."""

    model_config = example(scorer="fuzzing:lexical", why="only the first side has it")

    scorer: str
    why: str


class Comparison(Shown):
    """Two sides compared by every scorer that scored both in the same way."""

    model_config = example(
        first={**SIDE, "explainer": EXPLAINER},
        second={**SIDE, "explainer": {**EXPLAINER, "explainer": "token_statistics", "position": 1}},
        same_harvest=True,
        same_seed=True,
        scorers=[BY_DETECTION],
        not_compared=[{"scorer": "fuzzing:lexical", "why": "only the first side has it"}],
    )

    first: ComparedSide
    second: ComparedSide
    same_harvest: bool = Field(description="false: the sides were scored on different examples")
    same_seed: bool = Field(description="false: of the harvest's examples others were drawn")
    scorers: list[ComparedScorer]
    not_compared: list[NotCompared]

    @classmethod
    def of(cls, compared: Compared) -> Self:
        """Show a comparison."""
        return cls(
            first=ComparedSide.of(compared.first),
            second=ComparedSide.of(compared.second),
            same_harvest=compared.same_harvest,
            same_seed=compared.same_seed,
            scorers=[ComparedScorer.of(one) for one in compared.scorers],
            not_compared=[NotCompared(scorer=one.scorer, why=one.why) for one in compared.not_compared],
        )
