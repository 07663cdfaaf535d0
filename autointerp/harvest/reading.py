"""Pages read with the subject model and encoded, as many rows at once as memory allows."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.harvest.rows import Firings, Page
from autointerp.subject.encoding import Fired, fired
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary

_log = logging.getLogger(__name__)
# What torch says of a CPU's memory, on Windows and macOS, and on Linux.
_NO_MEMORY = ("not enough memory", "can't allocate memory")


class Reader:
    """Reads pages: `rows` rows of them in one forward pass, half as many each time memory runs out.

    Another number of rows may change the last bits of activations, and nothing else.
    """

    def __init__(self, model: SubjectModel, saes: Sequence[Dictionary], *, rows: int) -> None:
        self.rows = rows
        self._model = model
        self._saes = saes
        self._hooks = tuple(dict.fromkeys(sae.hook for sae in saes))

    def read(self, page: Page) -> list[Firings]:
        """Return the firings of each SAE; InvalidModel when no activation is finite, InvalidSpec when memory does not
        suffice for one row."""
        while True:
            try:
                parts = list(self._parts(page))
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
            else:
                return [Firings.of(_joined(of_sae), page) for of_sae in zip(*parts, strict=True)]
            self._halve(page.context)

    def _parts(self, page: Page) -> Iterator[list[Fired]]:
        """Yield what each SAE's features fire on, of some rows after the other; places count from the page's start."""
        tokens = torch.from_numpy(page.tokens.astype(np.int64)).reshape(-1, page.context)
        for first in range(0, len(tokens), self.rows):
            acts = self._model.read(tokens[first : first + self.rows], self._hooks)
            self._check(acts, page, first)
            yield [_shifted(fired(sae, acts[sae.hook].flatten(0, 1)), first * page.context) for sae in self._saes]

    def _check(self, acts: dict[str, Float[Tensor, "row pos width"]], page: Page, first: int) -> None:
        """Refuse rows without one finite activation: the model or its weights are broken."""
        rows = len(next(iter(acts.values())))
        if not page.readable.reshape(-1, page.context)[first : first + rows].any():
            return
        for hook, act in acts.items():
            # One sum tells: it is finite where everything is, and only then.
            if not bool(torch.isfinite(act.sum())) and not bool(torch.isfinite(act).any()):
                raise InvalidModel(
                    f"no activation at {hook} is finite from context {page.first + first} on; "
                    "check the model's weights, or load it in float32"
                )

    def _halve(self, context: int) -> None:
        if self.rows == 1:
            raise InvalidSpec(
                f"there is not enough memory to read one row of {context} tokens; lower `context`, "
                "use fewer SAEs at once, or a machine with more memory"
            )
        _log.warning(
            "out of memory with %d rows in a forward pass; going on with %d: set batch to %d to begin with that",
            self.rows,
            self.rows // 2,
            self.rows // 2,
        )
        self.rows //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: torch has an error of its own for accelerators alone."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in _NO_MEMORY)


def _shifted(found: Fired, places: int) -> Fired:
    return Fired(found.place + np.int32(places), found.feature, found.value)


def _joined(parts: Sequence[Fired]) -> Fired:
    if len(parts) == 1:
        return parts[0]
    columns = ([getattr(part, name) for part in parts] for name in ("place", "feature", "value"))
    return Fired(*map(np.concatenate, columns))
