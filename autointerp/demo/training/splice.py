"""What the model loses when its activations at the hook are replaced."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from autointerp.demo.training.model import loss_of

Edit = Callable[[Float[Tensor, "row pos d"]], Float[Tensor, "row pos d"]]
BATCH = 16


@torch.no_grad()
def activations(model: LlamaForCausalLM, hook: str, contexts: Int[Tensor, "row pos"]) -> Float[Tensor, "row pos d"]:
    """Collect the output of the module `hook` on every context."""
    seen: list[Tensor] = []

    def keep(found: Tensor) -> Tensor:
        seen.append(found)
        return found

    with edited(model, hook, keep):
        for batch in contexts.split(BATCH):
            model.model(input_ids=batch, use_cache=False)
    return torch.cat(seen)


@torch.no_grad()
def cross_entropy(model: LlamaForCausalLM, hook: str, contexts: Int[Tensor, "row pos"], edit: Edit) -> float:
    """Give the mean next-token loss (nats/token) with `edit` applied at `hook`, the first position left alone."""

    def after_the_first(found: Tensor) -> Tensor:
        return torch.cat([found[:, :1], edit(found[:, 1:])], dim=1)

    total = 0.0
    with edited(model, hook, after_the_first):
        for batch in contexts.split(BATCH):
            total += loss_of(model, batch[:, :-1], batch[:, 1:]).item() * len(batch)
    return total / len(contexts)


@contextmanager
def edited(model: LlamaForCausalLM, hook: str, edit: Edit) -> Generator[None]:
    """Replace the output of the module `hook` by `edit` of it while the block runs."""

    def replace(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return edit(output)

    handle = model.get_submodule(hook).register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
