"""An explainer with a mistake in it: it cannot count the features whose index is a multiple of five."""

from pydantic import BaseModel, ConfigDict

from autointerp.domain.examples import Example
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import FeatureRecord
from autointerp.domain.tools import Tools


class Config(BaseModel):
    """No options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def build(self, tools: Tools) -> "Poison":
        return Poison()


class Poison:
    """Divides by zero now and then."""

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation:
        share = 1 / (feature.index % 5)
        return Explanation(f"fires for a share of {share}", shown=())
