"""An explainer that says nothing."""

from pydantic import BaseModel

from autointerp.domain.examples import Example
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import FeatureRecord
from autointerp.domain.tools import Tools


class Config(BaseModel):
    def build(self, tools: Tools) -> "Silence":
        return Silence()


class Silence:
    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation:
        return Explanation("  ", shown=())
