"""An explainer that asks the same of every feature."""

from pydantic import BaseModel, ConfigDict

from autointerp.domain.calls import Complete, Message, Request, Role
from autointerp.domain.examples import Example
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import FeatureRecord
from autointerp.domain.tools import Tools


class Config(BaseModel):
    """No options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def build(self, tools: Tools) -> "Same":
        return Same(*tools.need_llm(None, "the same explainer"))


class Same:
    """Asks for a colour."""

    def __init__(self, llm: Complete, endpoint: str, model: str) -> None:
        self._llm = llm
        self._endpoint = endpoint
        self._model = model

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation:
        asked = Request(self._endpoint, self._model, (Message(Role.USER, "Name a colour."),), max_tokens=10)
        return Explanation((await self._llm.complete(asked)).text, shown=())
