"""Steering for scorers: the SAE is loaded at the first use, and nothing is computed twice for one feature."""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from autointerp.domain.specs import HarvestSpec
from autointerp.domain.steering import Change, Steered
from autointerp.errors import InvalidModel
from autointerp.pipeline.subjects import Subject, Subjects

if TYPE_CHECKING:  # torch: loaded when a scorer needs a model, not before
    from autointerp.subject.steering import Steering

T = TypeVar("T")

KEPT = 256


class LazySteering:
    """Steers the features of the SAE that was harvested; implements `domain.steering.Steer`.

    All explanations of a feature, and its controls, are scored on the same prompts by the same random numbers. So the
    last `KEPT` results are kept: however many are scored, the model writes once.
    """

    def __init__(self, subjects: Subjects, spec: HarvestSpec, *, sae: int, fingerprint: str, device: str) -> None:
        self._subjects = subjects
        self._spec = spec
        self._sae = sae
        self._fingerprint = fingerprint
        self._device = device
        self._opened: "WeakKeyDictionary[Subject, Steering]" = WeakKeyDictionary()
        self._found: dict[Hashable, Any] = {}

    async def kl(self, prompts: Sequence[Sequence[int]], change: Change) -> Sequence[float]:
        """KL(changed ‖ clean) of the next-token distribution after each prompt of token ids, in nats."""
        return await self._once((_ids(prompts), change), lambda steering: steering.kl_now(prompts, change))

    async def generate(
        self, prompts: Sequence[Sequence[int]], change: Change | None, *, tokens: int, temperature: float, seed: int
    ) -> Sequence[Steered]:
        """Continue each prompt by `tokens` tokens; `change` None: the clean model."""

        def write(steering: "Steering") -> Sequence[Steered]:
            return steering.generate_now(prompts, change, tokens=tokens, temperature=temperature, seed=seed)

        return await self._once((_ids(prompts), change, tokens, temperature, seed), write)

    async def _once(self, key: Hashable, work: "Callable[[Steering], T]") -> T:
        from autointerp.subject.device import on_device

        return await on_device(self._device, partial(self._remembered, key, work))

    def _remembered(self, key: Hashable, work: "Callable[[Steering], T]") -> T:
        """In the device's thread, which does one thing at a time: what is asked for twice at once is done once too."""
        found = self._found.pop(key) if key in self._found else work(self._steering())
        self._found[key] = found
        if len(self._found) > KEPT:
            del self._found[next(iter(self._found))]
        return found

    def _steering(self) -> "Steering":
        """The steering of before, while its subject is kept: no model is held back that makes room for another."""
        return next(iter(self._opened.values()), None) or self._open()

    def _open(self) -> "Steering":
        from autointerp.subject.steering import Steering

        subject = self._subjects.subject(self._spec)
        dictionary = subject.dictionaries[self._sae]
        if dictionary.fingerprint != self._fingerprint:
            raise InvalidModel(
                f"the SAE {dictionary.name} has changed since it was harvested; put back the weights of then to steer"
            )
        self._opened[subject] = Steering(subject.model, dictionary)
        return self._opened[subject]


def _ids(prompts: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(prompt) for prompt in prompts)
