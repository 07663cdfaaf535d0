"""The explainer of what a feature does without a language model: the tokens that its direction makes likelier.

They are read off the unembedding (the "logit lens" of a direction), and named in double quotes, which any judge can
look for. It sees no examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import of_split
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord, TokenLogit
from autointerp.domain.tools import Tools
from autointerp.explainers._shapes import name, quote
from autointerp.explainers._sides import promotes


class Config(BaseModel):
    """Which tokens are named.

    `share`: a token is named if its logit is at least this share of the highest. `suppressed` names as many of those
    that the feature makes less likely; a judge that looks for quoted tokens takes them for promoted ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: int = Field(default=10, ge=1, description="promoted tokens named at most")
    share: float = Field(default=0.5, ge=0, le=1)
    suppressed: int = Field(default=0, ge=0, description="suppressed tokens named at most")
    least: int = Field(default=1, ge=1, description="promoted tokens that a harvest must have kept")

    def build(self, tools: Tools) -> "Vocabulary":
        """Make the explainer; it needs no tools."""
        del tools
        return Vocabulary(self)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Explains by the unembedding."""

    config: Config

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Name the tokens that the feature promotes."""
        of_split(examples, Split.EXPLAIN)
        promoted = self._named(feature.statistics.promoted, sign=1)[: self.config.names]
        if len(promoted) < self.config.least:
            detail = f"{len(promoted)} promoted tokens in the harvest; {self.config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        suppressed = self._named(feature.statistics.suppressed, sign=-1)[: self.config.suppressed]
        noun = "the token" if len(promoted) == 1 else "tokens such as"
        claim = f"{noun} {_listed(promoted)}"
        if suppressed:
            claim += (
                f", and suppresses {'the token' if len(suppressed) == 1 else 'tokens such as'} {_listed(suppressed)}"
            )
        return Explanation(f"{promotes(claim)}.", ())

    def _named(self, tokens: Sequence[TokenLogit], *, sign: int) -> list[str]:
        """The names of the tokens whose logits lie farthest on one side of 0, the most extreme first, each once."""
        highest = max((sign * token.logit for token in tokens), default=0.0)
        if highest <= 0:
            return []
        far = [token for token in tokens if sign * token.logit >= max(self.config.share * highest, 1e-9)]
        far.sort(key=lambda token: (-sign * token.logit, token.token))
        return list(dict.fromkeys(name(token.piece) for token in far))


def _listed(names: Sequence[str]) -> str:
    quoted = [quote(one) for one in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" or {quoted[-1]}"
