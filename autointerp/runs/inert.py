"""Stand-ins for what costs time or money while plug-ins are built: building asks nothing of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.calls import Reply, Request
from autointerp.domain.features import FeatureRecord
from autointerp.domain.likelihood import Cloze, Continuation, LabelLogProbs, Likelihood, LogProb
from autointerp.domain.sample import Window
from autointerp.domain.steering import Change, Embed, Steered
from autointerp.errors import InvalidSpec


class NoCalls:
    """Stands in for the language models."""

    async def complete(self, request: Request) -> Reply:
        raise InvalidSpec("a plug-in must not ask a language model while it is built")


class NoEmbedding:
    """Stands in for an embedding model."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise InvalidSpec("a plug-in must not embed while it is built")


def no_embedder(model: str) -> Embed:
    """Stand in for what opens embedding models."""
    return NoEmbedding()


class NoLogProb:
    """Stands in for a local language model."""

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        raise InvalidSpec("a plug-in must not read texts while it is built")

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        raise InvalidSpec("a plug-in must not read texts while it is built")


def no_logprobs(model: str) -> LogProb:
    """Stand in for what opens local language models."""
    return NoLogProb()


class NoSteering:
    """Stands in for the subject model."""

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        raise InvalidSpec("a plug-in must not steer while it is built")

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        raise InvalidSpec("a plug-in must not steer while it is built")


class NoSample:
    """Stands in for the sample of the corpus."""

    async def windows(self) -> tuple[Window, ...]:
        raise InvalidSpec("a plug-in must not search while it is built")

    async def fired(self, feature: FeatureRecord) -> NDArray[np.bool_] | None:
        raise InvalidSpec("a plug-in must not search while it is built")

    async def similarity(self, text: str, embedder: str) -> NDArray[np.float32]:
        raise InvalidSpec("a plug-in must not search while it is built")
