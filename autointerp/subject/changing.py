"""Changes features inside a forward pass and keeps what the SAE does not explain of the activations."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor

from autointerp.domain.steering import Change, Mode
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.subject import hooks
from autointerp.subject.model import SubjectModel
from autointerp.subject.reading import hidden_of
from autointerp.subject.sae import Dictionary

Edit = Callable[[Float[Tensor, "batch pos width"]], Float[Tensor, "batch pos width"]]


def check(dictionary: Dictionary, change: Change) -> None:
    """Refuse a feature that does not exist and an SAE whose features do not write where they are read."""
    if not 0 <= change.feature < dictionary.features:
        raise InvalidSpec(
            f"there is no feature {change.feature}; {dictionary.name} has features 0 to {dictionary.features - 1}"
        )
    if not dictionary.steerable:
        raise InvalidModel(f"the features of {dictionary.name} cannot be changed: it does not rebuild what it reads")


def edit_of(dictionary: Dictionary, change: Change, *, last: int) -> Edit:
    """Return the edit x + (new − f)·d of the `last` positions, or x + strength·d where the direction is added.

    `f` is the feature's activation at that position and `d` its unit direction, so what the SAE leaves unexplained
    stays (Templeton et al. 2024, clamping with the error term).
    """
    direction = dictionary.directions[change.feature]

    def edit(acts: Float[Tensor, "batch pos width"]) -> Float[Tensor, "batch pos width"]:
        tail = acts[:, -last:]
        if change.mode is Mode.ADD:
            amount = tail.new_full((*tail.shape[:-1], 1), change.strength).to(direction)
        else:
            new = change.strength if change.mode is Mode.CLAMP else 0.0
            amount = new - dictionary.encode(tail)[..., change.feature, None]
        edited = acts.clone()
        edited[:, -last:] += (amount * direction).to(acts.dtype)
        return edited

    return edit


@contextmanager
def changed(model: SubjectModel, dictionary: Dictionary, changes: Sequence[Change], *, last: int) -> Generator[None]:
    """Within this block, every forward pass has the features changed at its `last` positions, one after the other."""
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(_changed(model, dictionary, change, last=last))
        yield


@contextmanager
def _changed(model: SubjectModel, dictionary: Dictionary, change: Change, *, last: int) -> Generator[None]:
    place = hooks.place(model.module, dictionary.hook)
    part = model.module.get_submodule(place.path)
    edit = edit_of(dictionary, change, last=last)
    if place.before:
        handle = part.register_forward_pre_hook(
            lambda _part, args, kwargs: _edit_input(edit, args, kwargs), with_kwargs=True
        )
    else:
        handle = part.register_forward_hook(lambda _part, _args, output: _edit_first(edit, output))
    try:
        yield
    finally:
        handle.remove()


def _edit_first(edit: Edit, output: Any) -> Any:
    if isinstance(output, Tensor):
        return edit(output)
    return (edit(hidden_of(output)), *output[1:])


def _edit_input(edit: Edit, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args:
        return (edit(args[0]), *args[1:]), kwargs
    name = next(name for name, value in kwargs.items() if isinstance(value, Tensor))
    return args, {**kwargs, name: edit(kwargs[name])}
