"""What stands in delphi's files."""

from pydantic import BaseModel, ConfigDict, RootModel


class Sample(BaseModel):
    """One text that a scorer was asked about."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    str_tokens: list[str]
    activations: list[float]
    distance: float | None = None
    activating: bool
    prediction: bool | None = None
    probability: float | None = None
    correct: bool | None = None


class Samples(RootModel[list[Sample]]):
    """A file of a scorer: what it was asked about one latent."""


class Said(RootModel[str]):
    """A file of an explanation: one text as JSON."""


class Config(BaseModel):
    """What we read of a run's configuration, where there is one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = "unknown"
    sparse_model: str = "unknown"
    hookpoints: list[str] = []
    explainer_model: str | None = None
