"""Text and next-token distributions of the subject model with features of one SAE changed."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.steering import Change, Steered
from autointerp.subject.changing import changed, check
from autointerp.subject.device import on_device
from autointerp.subject.generation import Batch, Block, batches, continuations, next_logits
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary

# Batches whose clean logits are kept: the search for a strength asks about the same prompts again and again.
KEPT = 8


class Steering:
    """Implements `domain.steering.Steer` in the device's thread; what ends in `_now` runs in the caller's."""

    def __init__(self, model: SubjectModel, dictionary: Dictionary) -> None:
        self._model = model
        self._dictionary = dictionary
        self._kept: dict[tuple[tuple[int, ...], ...], Float[Tensor, "prompt vocab"]] = {}

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        """KL(changed ‖ clean) of the next-token distribution after each prompt of token ids, in nats."""
        return await on_device(self._model.device, partial(self.kl_now, prompts, change))

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        """Continue each prompt by `tokens` tokens; `change` None: the clean model."""
        work = partial(self.generate_now, prompts, change, tokens=tokens, temperature=temperature, seed=seed)
        return await on_device(self._model.device, work)

    def kl_now(self, prompts: Sequence[Sequence[int]], change: Change | Sequence[Change]) -> list[float]:
        """What `kl` returns, computed in this thread; several features may be changed at once."""
        changes = self._checked(change)
        found = [0.0] * len(prompts)
        for batch in batches(self._model, prompts, tokens=0):
            for place, value in zip(batch.order, self._kl_of(batch, changes), strict=True):
                found[place] = value
        return found

    def generate_now(
        self,
        prompts: Sequence[Sequence[int]],
        change: Change | Sequence[Change] | None,
        *,
        tokens: int,
        temperature: float,
        seed: int,
    ) -> list[Steered]:
        """What `generate` returns, computed in this thread; special tokens are never generated."""
        changes = self._checked(change)
        found: dict[int, Steered] = {}
        block = self._block(changes)
        for batch in batches(self._model, prompts, tokens=tokens):
            new = continuations(self._model, batch, block, tokens=tokens, temperature=temperature, seed=seed)
            kls = self._kl_of(batch, changes) if changes else [0.0] * len(new)
            for place, ids, kl in zip(batch.order, new.tolist(), kls, strict=True):
                found[place] = Steered(pieces=self._model.vocabulary.render(ids), kl=kl)
        return [found[place] for place in range(len(prompts))]

    def next_logits(self, prompts: Sequence[Sequence[int]], change: Change | None) -> Float[Tensor, "prompt vocab"]:
        """Return the logits after each prompt with and without (`change` None) the feature changed, in float32."""
        changes = self._checked(change)
        parts = batches(self._model, prompts, tokens=0)
        logits = torch.cat([next_logits(self._model, batch, self._block(changes)) for batch in parts])
        return logits[torch.tensor([place for batch in parts for place in batch.order]).argsort()]

    def _checked(self, change: Change | Sequence[Change] | None) -> tuple[Change, ...]:
        changes = () if change is None else (change,) if isinstance(change, Change) else tuple(change)
        for one in changes:
            check(self._dictionary, one)
        return changes

    def _kl_of(self, batch: Batch, changes: tuple[Change, ...]) -> list[float]:
        return divergence(next_logits(self._model, batch, self._block(changes)), self._clean(batch)).tolist()

    def _clean(self, batch: Batch) -> Float[Tensor, "prompt vocab"]:
        """The logits after each prompt with nothing changed; those used last are kept."""
        logits = self._kept.pop(batch.prompts, None)
        if logits is None:
            logits = next_logits(self._model, batch, self._block(()))
        self._kept[batch.prompts] = logits
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return logits

    def _block(self, changes: tuple[Change, ...]) -> Block:
        def block(last: int) -> AbstractContextManager[None]:
            return changed(self._model, self._dictionary, changes, last=last)

        return block


def divergence(changed: Float[Tensor, "prompt vocab"], clean: Float[Tensor, "prompt vocab"]) -> Float[Tensor, "prompt"]:
    """KL(changed ‖ clean) in nats of the distributions with these logits; never below 0."""
    p, q = changed.double().log_softmax(1), clean.double().log_softmax(1)
    return (p.exp() * (p - q)).sum(1).clamp(min=0)
