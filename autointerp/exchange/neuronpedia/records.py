"""The lines of Neuronpedia's files, by the names of its columns, and our own fields in them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PlainSerializer

from autointerp.domain.examples import Group, Split

MOST_INDEX = 2**31 - 1
AsText = PlainSerializer(str, return_type=str, when_used="json-unless-none")
Index = Annotated[int, Field(ge=0, le=MOST_INDEX), AsText]  # a text in their files


class Line(BaseModel):
    """A line; what we do not read is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)


class Own(Line):
    """Fields of our own; what they lack is not known."""


class TopToken(Own):
    """A token that a feature fires on."""

    piece: str
    count: int
    mean: float


class Near(Own):
    """A neighbour of a feature."""

    index: int
    cosine: float
    coactivation: float


class OwnFeature(Own):
    """What their line of a feature has no place for."""

    tokens: int
    firings: int
    sum: float
    sum_of_squares: float
    filled: list[int] = Field(description="bins of our histogram, those that are not empty")
    counts: list[int]
    top_tokens: list[TopToken]
    neighbours: list[Near]


class Feature(Line):
    """A feature (their table Neuron)."""

    modelId: str
    layer: str
    index: Index
    maxActApprox: float | None = None
    frac_nonzero: float | None = None
    freq_hist_data_bar_heights: list[float] | None = None
    freq_hist_data_bar_values: list[float] | None = None
    pos_str: list[str] | None = None
    pos_values: list[float] | None = None
    neg_str: list[str] | None = None
    neg_values: list[float] | None = None
    topkCosSimIndices: list[int] | None = None
    topkCosSimValues: list[float] | None = None
    hookName: str | None = None
    sourceSetName: str | None = None
    hasVector: bool = False
    autointerp: OwnFeature | None = None


class OwnActivation(Own):
    """Which example of ours an activation is."""

    split: Split
    group: str
    context: int
    document: int
    start: int

    @property
    def parsed(self) -> Group:
        """The group."""
        return Group.parse(self.group)


class Activation(Line):
    """A text with a feature's activation at each token."""

    id: str | None = None
    modelId: str
    layer: str
    index: Index
    tokens: list[str]
    values: list[float]
    maxValue: float | None = None
    maxValueTokenIndex: int | None = None
    minValue: float | None = None
    binMin: float | None = None
    binMax: float | None = None
    binContains: float | None = None
    dataIndex: str | None = None
    autointerp: OwnActivation | None = None


class OwnGroup(Own):
    """How one group of examples fared."""

    group: str
    asked: int
    answered: int
    correct: int
    mean_confidence: float | None
    tied: int


class OwnScore(Own):
    """What their record of a score has no place for; `imported` scores are not from the program that wrote them."""

    scorer: str
    judge: str | None
    options: dict[str, Any]
    judge_options: dict[str, Any]
    metric: str
    low: float | None
    high: float | None
    asked: int
    answered: int
    unread: dict[str, int]
    metrics: dict[str, float | None]
    breakdown: list[OwnGroup]
    prompt: str | None
    seed: int
    tokens: int
    cost: int | None
    imported: bool


class Score(Line):
    """A score of an explanation (their table ExplanationScore); in batch files it is a field of our own."""

    value: float
    explanationScoreTypeName: str = Field(
        validation_alias=AliasChoices("explanationScoreTypeName", "explanationScoreType")
    )
    explanationScoreModelName: str | None = None
    jsonDetails: str | None = None
    createdAt: datetime | None = None
    autointerp: OwnScore | None = None


class OwnExplanation(Own):
    """What their record of an explanation has no place for."""

    options: dict[str, Any]
    prompt: str | None
    seed: int
    tokens: int
    cost: int | None
    position: int


class Explanation(Line):
    """An explanation."""

    id: str | None = None
    modelId: str | None = None
    layer: str | None = None
    index: Index | None = None
    description: str
    typeName: str | None = None
    explanationModelName: str | None = None
    createdAt: datetime | None = None
    scores: list[Score] = []
    autointerp: OwnExplanation | None = None


class Single(Feature):
    """A feature with everything about it, as their API answers."""

    activations: list[Activation] = []
    explanations: list[Explanation] = []
