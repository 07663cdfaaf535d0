"""The explainer of what a feature does, for features that act rather than read.

It shows the tokens that the feature promotes and suppresses most through the unembedding, and continuations of prompts
that end where the feature begins to fire: each once as the subject model writes it, and once with the feature added.
How strongly it is added follows from the divergence that it must cause, as in the intervention scorer. The beginnings
are not shown, so that the claim is about what comes out.

The prompts and the equal divergence are those of Paulo et al. 2024, Automatically Interpreting Millions of Features in
Large Language Models, section on intervention scoring.
"""

from dataclasses import dataclass

from autointerp.analysis.choosing import of_split
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation, Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.tools import Tools
from autointerp.explainers._author import Asking, Author
from autointerp.explainers._claims import Promotion
from autointerp.explainers._effects import Effects, Looking
from autointerp.explainers._sides import promotes


class Config(Asking, Looking):
    """Which model explains, and what it is shown of the feature's effects."""

    prompt: str = "explainers/output"

    def build(self, tools: Tools) -> "Output":
        """Make the explainer; InvalidSpec when no language model is at hand, or no subject model to steer."""
        who = "the output explainer"
        return Output(self, self.author(tools, who), self.effects(tools, who))


@dataclass(frozen=True, slots=True)
class Output:
    """Explains by one request, from effects alone."""

    config: Config
    author: Author
    effects: Effects

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Ask for a claim about what the feature does; LLMError and OutOfBudget are the caller's."""
        seen = await self.effects.look(feature, of_split(examples, Split.EXPLAIN))
        if isinstance(seen, Unread):
            return seen
        heard = await self.author.ask(self.config.prompt, seen.values, Promotion)
        if isinstance(heard, Unread):
            return heard
        return self.author.explanation(heard, promotes(heard.value.promotes), seen.shown)
