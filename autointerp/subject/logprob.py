"""Log-probabilities of given texts, and of labels in their blanks, under a local causal language model, in batches."""

import copy
import inspect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import Cache, DynamicCache, DynamicLayer
from transformers.cache_utils import DynamicSlidingWindowLayer

from autointerp.domain.likelihood import Cloze, Continuation, LabelLogProbs, Likelihood
from autointerp.domain.specs import SubjectSpec
from autointerp.errors import InvalidModel
from autointerp.subject.boundary import Cut, cutter
from autointerp.subject.cloze import CutCloze, cut_clozes
from autointerp.subject.device import on_device
from autointerp.subject.model import SubjectModel, load_model

KEPT = 1
BATCH_TOKENS = 2048
SHORTEST = 8  # tokens that all texts begin with, from which on they are read once

Row = TypeVar("Row", Cut, CutCloze)


@dataclass(frozen=True, eq=False, slots=True)
class Beginning:
    """Tokens that all texts begin with, already read; `cache` is never handed out, only copies of it."""

    tokens: int
    cache: Cache | None

    def copies(self, rows: int) -> Cache | None:
        """The keys and values of so many rows, which a forward pass may write to."""
        if self.cache is None:
            return None
        copied = copy.deepcopy(self.cache)
        copied.batch_repeat_interleave(rows)
        return copied


class LocalLogProb:
    """Implements `LogProb` and `ClozeLogProb` of `domain.likelihood` in the device's thread.

    What ends in `_now` runs in the caller's. The model computes in its own precision (float32 where `open_logprob`
    loaded it), the softmax in float32 and sums in float64. What all texts of a call begin with is read once, and equal
    ones are computed once.
    """

    def __init__(self, model: SubjectModel, *, batch: int = BATCH_TOKENS) -> None:
        self.model = model
        self._batch = batch
        self._cut = cutter(model)
        self._parameters = inspect.signature(model.module.forward).parameters

    async def logprobs(self, asked: Sequence[Continuation], *, prompt: str | None) -> Sequence[Likelihood]:
        """How likely each text is after its prefix."""
        del prompt  # a local model keeps no ledger
        return await on_device(self.model.device, partial(self.logprobs_now, asked))

    def logprobs_now(self, asked: Sequence[Continuation]) -> list[Likelihood]:
        """What `logprobs` returns, computed in this thread; InvalidModel where the model overflows."""
        cuts = self._cut(asked)
        found = dict.fromkeys(cuts, 0.0)
        for batch, beginning in self._in_batches([cut for cut in found if len(cut.ids) > cut.before]):
            sums = self._sums(batch, beginning)
            if not bool(sums.isfinite().all()):
                raise self._overflow()
            found |= zip(batch, sums.tolist(), strict=True)
        return [Likelihood(found[cut], len(cut.ids) - cut.before) for cut in cuts]

    async def label_logprobs(self, asked: Sequence[Cloze], labels: Sequence[str]) -> Sequence[LabelLogProbs]:
        """How likely each label is in each blank of each text, in one forward pass a text."""
        return await on_device(self.model.device, partial(self.label_logprobs_now, asked, labels))

    def label_logprobs_now(self, asked: Sequence[Cloze], labels: Sequence[str]) -> list[LabelLogProbs]:
        """What `label_logprobs` returns, computed in this thread; InvalidModel where the model overflows."""
        cuts = cut_clozes(self._cut, asked, labels)
        found: dict[CutCloze, LabelLogProbs] = dict.fromkeys(cuts, ())
        for batch, beginning in self._in_batches([cut for cut in found if cut.places]):
            logprobs = self._of_labels(batch, beginning)
            if bool(logprobs.isnan().any()):
                raise self._overflow()
            rows = logprobs.split([len(cut.places) for cut in batch])
            found |= {cut: tuple(map(tuple, row.tolist())) for cut, row in zip(batch, rows, strict=True)}
        return [found[cut] for cut in cuts]

    def _in_batches(self, cuts: Sequence[Row]) -> Iterator[tuple[list[Row], Beginning]]:
        """Different cuts in batches, and what all of them begin with.

        They are in an order of their own, so that the last bits do not depend on that of the questions.
        """
        ordered = sorted(cuts, key=lambda cut: (len(cut.ids), cut))
        beginning = self._begin(ordered)
        return ((batch, beginning) for batch in _batches(ordered, beginning.tokens, self._batch))

    def _begin(self, cuts: Sequence[Cut | CutCloze]) -> Beginning:
        """Read what all texts begin with, short of the last token before any of them; none where it does not pay."""
        tokens = _common([cut.ids[: cut.before - 1] for cut in cuts])
        if len(tokens) < SHORTEST or len(cuts) < 2 or "past_key_values" not in self._parameters:
            return Beginning(0, None)
        options = {"logits_to_keep": 1} if "logits_to_keep" in self._parameters else {}
        with torch.inference_mode():
            read = self.model.module(self._row(tokens), use_cache=True, **options)
        cache = read.past_key_values
        return Beginning(len(tokens), cache) if _repeats(cache) else Beginning(0, None)

    def _sums(self, cuts: Sequence[Cut], beginning: Beginning) -> Float[Tensor, "text"]:
        """The summed log-probability of each text's tokens."""
        tokens = self._padded(cuts, beginning)
        first = min(cut.before for cut in cuts)
        with torch.inference_mode():
            logits = self._logits(tokens, beginning, first)
            following = tokens[:, first - beginning.tokens :]
            logprobs = logits.gather(2, following[:, :, None])[:, :, 0] - logits.logsumexp(2)
            places = torch.arange(first, beginning.tokens + tokens.shape[1], device=tokens.device)
            begin = torch.tensor([[cut.before] for cut in cuts], device=tokens.device)
            end = torch.tensor([[len(cut.ids)] for cut in cuts], device=tokens.device)
            return logprobs.double().where((places >= begin) & (places < end), 0.0).sum(1)

    def _of_labels(self, cuts: Sequence[CutCloze], beginning: Beginning) -> Float[Tensor, "blank label"]:
        """The log-probability of each label in each blank, one text's after the other's."""
        tokens = self._padded(cuts, beginning)
        first = min(cut.before for cut in cuts)
        row = torch.tensor([n for n, cut in enumerate(cuts) for _ in cut.places], device=tokens.device)
        place = torch.tensor([place - first for cut in cuts for place in cut.places], device=tokens.device)
        labels = torch.tensor([ids for cut in cuts for ids in cut.labels], device=tokens.device)
        with torch.inference_mode():
            logits = self._logits(tokens, beginning, first)[row, place]
            return (logits.gather(1, labels) - logits.logsumexp(1, keepdim=True)).double()

    def _padded(self, cuts: Sequence[Cut | CutCloze], beginning: Beginning) -> Tensor:
        """The tokens after the beginning; rows are padded at their ends, where nothing that counts looks."""
        rows = [self._row(cut.ids[beginning.tokens :])[0] for cut in cuts]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def _logits(self, tokens: Tensor, beginning: Beginning, first: int) -> Float[Tensor, "text place vocab"]:
        """The logits of the token at the place `first` and at each one behind it, of which the last is not read."""
        cache = beginning.copies(len(tokens))
        kept = beginning.tokens + tokens.shape[1] - first
        options = {"past_key_values": cache, "use_cache": cache is not None, "logits_to_keep": kept}
        known = {name: value for name, value in options.items() if name in self._parameters}
        logits = self.model.module(tokens[:, :-1], **known).logits
        return logits[:, logits.shape[1] - kept :].float()

    def _row(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor([list(ids)], device=self.model.device)

    def _overflow(self) -> InvalidModel:
        return InvalidModel(f"{self.model.name} gives log-probabilities that are no numbers; load it in float32")


@lru_cache(maxsize=KEPT)
def open_logprob(name: str, *, device: str, pickles: bool = False) -> LocalLogProb:
    """Load a causal language model by folder or hub id, in float32; the last one is kept. InvalidModel: it cannot."""
    return LocalLogProb(load_model(SubjectSpec(model=name), device=device, pickles=pickles))


def _common(rows: Sequence[tuple[int, ...]]) -> list[int]:
    """What all rows begin with; it is what the first and the last of them, in order, begin with."""
    first, last = min(rows, default=()), max(rows, default=())
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return [token for token, _ in same]


def _batches(cuts: Sequence[Row], read: int, most: int) -> list[list[Row]]:
    """Group cuts, shortest first, so that a batch has at most so many tokens yet to read, padding included."""
    groups: list[list[Row]] = []
    for cut in cuts:
        if groups and (len(groups[-1]) + 1) * (len(cut.ids) - read) <= most:
            groups[-1].append(cut)
        else:
            groups.append([cut])
    return groups


def _repeats(cache: object) -> bool:
    """Whether a cache holds nothing but keys and values, which can be copied for each row of a batch."""
    simple = (DynamicLayer, DynamicSlidingWindowLayer)
    return isinstance(cache, DynamicCache) and all(type(layer) in simple for layer in cache.layers)
