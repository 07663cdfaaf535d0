"""Next-token distributions and continuations of prompts of different lengths, in batches.

Prompts are read as rows of the corpus are: after a BOS token, where the tokenizer has one.
"""

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autointerp.errors import InvalidSpec
from autointerp.hashing import stable_int
from autointerp.subject.model import SubjectModel

BATCH = 32
# Makes the block in which forward passes are changed at that many last positions.
Block = Callable[[int], AbstractContextManager[None]]


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Prompts side by side, padded on the left; `order` are their places among all prompts."""

    order: tuple[int, ...]
    prompts: tuple[tuple[int, ...], ...]
    tokens: Int[Tensor, "prompt pos"]
    mask: Int[Tensor, "prompt pos"] | None  # None: nothing is padded


def batches(model: SubjectModel, prompts: Sequence[Sequence[int]], *, tokens: int) -> list[Batch]:
    """Group prompts by length; only models that are told their positions get prompts of different lengths at once."""
    prompts = _begun(model, prompts)
    _check(model, prompts, tokens)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    mixed = "position_ids" in inspect.signature(model.module.forward).parameters
    groups: list[list[int]] = []
    for i in order:
        alike = bool(groups) and (mixed or len(prompts[groups[-1][0]]) == len(prompts[i]))
        if alike and len(groups[-1]) < BATCH:
            groups[-1].append(i)
        else:
            groups.append([i])
    return [_batch(model, group, [prompts[i] for i in group]) for group in groups]


def next_logits(model: SubjectModel, batch: Batch, block: Block) -> Float[Tensor, "prompt vocab"]:
    """Return the logits after each prompt, in float32."""
    with torch.inference_mode(), block(1):
        return _Forward(model, batch).step(batch.tokens, cached=False)


def continuations(
    model: SubjectModel, batch: Batch, block: Block, *, tokens: int, temperature: float, seed: int
) -> Int[Tensor, "prompt token"]:
    """Continue each prompt by `tokens` tokens, none of them special; temperature 0 takes the likeliest.

    The draws of a prompt depend on `seed` and on its place among all prompts, not on the prompts beside it.
    """
    draws = [torch.Generator().manual_seed(stable_int(seed, place)) for place in batch.order]
    forward = _Forward(model, batch)
    new = torch.empty(len(batch.order), 0, dtype=torch.long, device=batch.tokens.device)
    fed = batch.tokens
    with torch.inference_mode():
        for step in range(tokens):
            with block(1 if forward.caches else step + 1):
                logits = forward.step(fed, cached=True)
            chosen = _choose(_without_special(model, logits), temperature, draws)
            new = torch.cat([new, chosen[:, None].to(new)], dim=1)
            fed = new[:, -1:] if forward.caches else torch.cat([batch.tokens, new], dim=1)
    return new


class _Forward:
    """Forward passes of one batch, each going on from the last where the model has a key-value cache."""

    def __init__(self, model: SubjectModel, batch: Batch) -> None:
        self._model = model
        self._mask = batch.mask
        self._width = batch.tokens.shape[1]
        self._cache: object | None = None
        self.caches = "past_key_values" in inspect.signature(model.module.forward).parameters
        keeps = "logits_to_keep" in inspect.signature(model.module.forward).parameters
        self._options = {"logits_to_keep": 1} if keeps else {}

    def step(self, fed: Int[Tensor, "prompt pos"], *, cached: bool) -> Float[Tensor, "prompt vocab"]:
        inputs: dict[str, object] = {"input_ids": fed, **self._options}
        if self.caches:
            inputs |= {"use_cache": cached, "past_key_values": self._cache}
        if self._mask is not None:
            inputs |= self._placed(fed.shape[1])
        output = self._model.module(**inputs)
        self._cache = output.past_key_values if self.caches and cached else None
        return output.logits[:, -1].float()

    def _placed(self, fed: int) -> dict[str, object]:
        """The mask over all positions so far, and the positions of the tokens now fed, counted without padding."""
        assert self._mask is not None
        if self._cache is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), fed)], dim=1)
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        return {"attention_mask": self._mask, "position_ids": positions[:, -fed:]}


def _begun(model: SubjectModel, prompts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The prompts, each with the BOS token in front that the model reads at the start of every row of its corpus."""
    if any(len(prompt) == 0 for prompt in prompts):
        raise InvalidSpec("a prompt to continue needs at least one token")
    bos = model.tokenizer.bos_token_id
    if not isinstance(bos, int):
        return [tuple(prompt) for prompt in prompts]
    return [tuple(prompt) if prompt[0] == bos else (bos, *prompt) for prompt in prompts]


def _check(model: SubjectModel, prompts: Sequence[Sequence[int]], tokens: int) -> None:
    longest = max((len(prompt) for prompt in prompts), default=0) + tokens
    if longest > model.max_context:
        raise InvalidSpec(
            f"a prompt and its continuation take {longest} tokens, but {model.name} reads {model.max_context}; "
            "shorten the prompts"
        )


def _batch(model: SubjectModel, order: Sequence[int], prompts: Sequence[tuple[int, ...]]) -> Batch:
    width = max(len(prompt) for prompt in prompts)
    tokens = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        tokens[row, width - len(prompt) :] = torch.as_tensor(list(prompt))
        mask[row, width - len(prompt) :] = 1
    padded = bool((mask == 0).any())
    return Batch(tuple(order), tuple(prompts), tokens.to(model.device), mask.to(model.device) if padded else None)


def _without_special(model: SubjectModel, logits: Float[Tensor, "prompt vocab"]) -> Float[Tensor, "prompt vocab"]:
    special = [token for token in model.vocabulary.special if token < logits.shape[1]]
    return logits.index_fill(1, torch.tensor(special, dtype=torch.long, device=logits.device), -torch.inf)


def _choose(
    logits: Float[Tensor, "prompt vocab"], temperature: float, draws: Sequence[torch.Generator]
) -> Int[Tensor, "prompt"]:
    """Draw one token a prompt by adding Gumbel noise, the same noise for the same draw whatever the logits."""
    if temperature == 0:
        return logits.argmax(1)
    noise = torch.stack([-torch.empty(logits.shape[1]).exponential_(generator=draw).log() for draw in draws])
    return (logits.cpu() / temperature + noise).argmax(1)
