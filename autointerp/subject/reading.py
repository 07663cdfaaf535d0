"""One forward pass that records activations and ends as soon as it has them all."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from autointerp.errors import InvalidModel
from autointerp.subject.hooks import Place


class _AllRead(Exception):
    """Raised inside the forward pass once the last hook point is read."""


class Reading:
    """The hooks of one forward pass and what they have recorded."""

    def __init__(self, module: nn.Module, places: Mapping[str, Place]) -> None:
        self._module = module
        self._places = places
        self._missing = set(places)
        self._found: dict[str, Tensor] = {}

    def run(self, tokens: Int[Tensor, "batch pos"]) -> dict[str, Float[Tensor, "batch pos width"]]:
        """Run the model on `tokens` up to the deepest hook point; InvalidModel if one is never reached."""
        if not self._places:
            return {}
        handles = [self._attach(name, place) for name, place in self._places.items()]
        try:
            self._module(input_ids=tokens, use_cache=False)
        except _AllRead:
            return self._found
        finally:
            for handle in handles:
                handle.remove()
        raise InvalidModel(f"the forward pass never reaches the hook point {min(self._missing)!r}; choose another")

    def _attach(self, name: str, place: Place) -> Any:
        part = self._module.get_submodule(place.path)
        record = self._recorder(name)
        if place.before:
            return part.register_forward_pre_hook(
                lambda _part, args, kwargs: record(args or tuple(kwargs.values())), with_kwargs=True
            )
        return part.register_forward_hook(lambda _part, _args, output: record(output))

    def _recorder(self, name: str) -> Callable[[Any], None]:
        def record(value: Any) -> None:
            self._found[name] = hidden_of(value)
            self._missing.discard(name)
            if not self._missing:
                raise _AllRead

        return record


def hidden_of(value: Any) -> Tensor:
    """Return the hidden states of what a module takes or gives: itself, or the first tensor of a tuple."""
    if isinstance(value, Tensor):
        return value
    found = next((part for part in value if isinstance(part, Tensor)), None)
    if found is None:
        raise InvalidModel("a module without hidden states cannot be read; choose another hook point")
    return found
