"""Hook points: where in the subject model activations are read, by module path.

`model.layers.8` is the output of that module, `model.layers.8.input` its input. Names in TransformerLens style
(`blocks.8.hook_resid_post`) are translated by finding the model's list of layers and the parts of one layer.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

from torch import nn

from autointerp.errors import InvalidModel

INPUT = ".input"
OUTPUT = ".output"
NEAREST = 8  # names that an unknown one is answered with


@dataclass(frozen=True, slots=True)
class Place:
    """One side of one module."""

    path: str
    before: bool

    def __str__(self) -> str:
        return self.path + INPUT if self.before else self.path


def hook_points(module: nn.Module) -> tuple[str, ...]:
    """List every module path of the model, in the order of its definition."""
    return tuple(name for name, _ in module.named_modules() if name)


def resolve(module: nn.Module, name: str) -> str:
    """Translate `name` to a module path, with `.input` where its input is meant; InvalidModel if there is none."""
    return str(place(module, name))


def place(module: nn.Module, name: str) -> Place:
    """Find the side of the module that `name` means; InvalidModel says which names are nearest."""
    found = _by_path(module, name) or _by_lens_name(module, name)
    if found is None:
        raise InvalidModel(f"there is no hook point {name!r} in this model; {_advice(module, name)}")
    return found


def layer_list(module: nn.Module) -> tuple[str, nn.ModuleList]:
    """Find the model's list of layers: the longest list of modules, the outermost of equals; InvalidModel if none."""
    lists = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.ModuleList) and len(part)]
    if not lists:
        raise InvalidModel("this model has no list of layers; name hook points by their module path")
    return max(lists, key=lambda item: (len(item[1]), -item[0].count(".")))


def _by_path(module: nn.Module, name: str) -> Place | None:
    """A module path, whose beginning (`model.`) may be left out where that is clear."""
    for suffix, before in (("", False), (INPUT, True), (OUTPUT, False)):
        path = name.removesuffix(suffix)
        if not name.endswith(suffix) or not path:
            continue
        found = [other for other in hook_points(module) if other == path or other.endswith(f".{path}")]
        if path in found or len(found) == 1:
            return Place(path if path in found else found[0], before)
    return None


def _by_lens_name(module: nn.Module, name: str) -> Place | None:
    if name == "hook_embed":
        return Place(_path_of(module, module.get_input_embeddings()), before=False)  # pyright: ignore[reportCallIssue]
    match = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
    if match is None or match[2] not in _LENS_NAMES:
        return None
    path, layers = layer_list(module)
    index = int(match[1])
    if index >= len(layers):
        return None
    found = _LENS_NAMES[match[2]](layers[index], module)
    return found and Place(".".join(part for part in (path, str(index), found.path) if part), found.before)


def _path_of(module: nn.Module, part: nn.Module) -> str:
    return next(name for name, other in module.named_modules() if other is part)


def _child(layer: nn.Module, *words: str) -> str | None:
    """The name of the layer's first part with weights whose name holds one of `words`, norms left out."""
    names = [name for name, part in layer.named_children() if next(part.parameters(), None) is not None]
    return next((n for n in names if any(word in n for word in words) and not re.search(r"norm|ln_", n)), None)


def _attention(layer: nn.Module) -> str | None:
    return _child(layer, "attn", "attention")


def _mlp(layer: nn.Module) -> str | None:
    return _child(layer, "mlp", "feed_forward", "ffn", "moe")


def _norm(layer: nn.Module, *names: str) -> str | None:
    """The first of `names` that the layer has."""
    return next((name for name in names if hasattr(layer, name)), None)


def _projection(layer: nn.Module, part: str | None, position: int) -> str | None:
    """The path of a projection (a module with a weight matrix) of `part`: 0 is the first, -1 the last."""
    if part is None:
        return None
    block = layer.get_submodule(part)
    names = [n for n, p in block.named_modules() if n and getattr(getattr(p, "weight", None), "ndim", 0) == 2]
    return f"{part}.{names[position]}" if names else None


def _output(path: str | None) -> Place | None:
    return None if path is None else Place(path, before=False)


def _input(path: str | None) -> Place | None:
    return None if path is None else Place(path, before=True)


def _middle(layer: nn.Module, model: nn.Module) -> Place | None:
    """The residual stream between attention and MLP; there is none where the two run in parallel."""
    config = getattr(model, "config", None)
    if getattr(config, "use_parallel_residual", False) or getattr(config, "parallel_attn", False):
        return None
    return _input(
        _norm(layer, "pre_feedforward_layernorm", "post_attention_layernorm", "ln_2", "final_layer_norm", "norm_2")
    )


def _attention_out(layer: nn.Module, model: nn.Module) -> Place | None:
    """What attention adds to the residual stream: behind the norm that follows it, where a layer has one there."""
    normed = _norm(layer, "pre_feedforward_layernorm") and _norm(layer, "post_attention_layernorm")
    return _output(normed or _attention(layer))


def _mlp_out(layer: nn.Module, model: nn.Module) -> Place | None:
    return _output(_norm(layer, "post_feedforward_layernorm") or _mlp(layer))


def _before_attention(layer: nn.Module, model: nn.Module) -> Place | None:
    return _output(_norm(layer, "input_layernorm", "ln_1", "norm_1"))


def _before_mlp(layer: nn.Module, model: nn.Module) -> Place | None:
    """What the MLP reads: SAEs and transcoders are trained on it with the norm's gain, as models fold it in there."""
    return _output(_norm(layer, "pre_feedforward_layernorm", "post_attention_layernorm", "ln_2", "norm_2"))


_LENS_NAMES: dict[str, Callable[[nn.Module, nn.Module], Place | None]] = {
    "hook_resid_pre": lambda layer, model: Place("", before=True),
    "hook_resid_mid": _middle,
    "hook_mlp_in": _middle,
    "hook_resid_post": lambda layer, model: Place("", before=False),
    "hook_attn_out": _attention_out,
    "hook_mlp_out": _mlp_out,
    "attn.hook_z": lambda layer, model: _input(_projection(layer, _attention(layer), -1)),
    "ln1.hook_normalized": _before_attention,
    "ln2.hook_normalized": _before_mlp,
    "mlp.hook_in": lambda layer, model: _input(_mlp(layer)),
    "mlp.hook_pre": lambda layer, model: _output(_projection(layer, _mlp(layer), 0)),
    "mlp.hook_post": lambda layer, model: _input(_projection(layer, _mlp(layer), -1)),
}


def _advice(module: nn.Module, name: str) -> str:
    """The hook points whose names are nearest to `name`, numbers of layers left open, in a phrase."""
    points = [*hook_points(module), "hook_embed"]
    layers = ""
    with suppress(InvalidModel):
        _, found = layer_list(module)
        points += [f"blocks.N.{lens}" for lens in _LENS_NAMES]
        layers = f", for layers N from 0 to {len(found) - 1}"
    kinds = dict.fromkeys(_open(point) for point in points)
    nearest = get_close_matches(_open(name), kinds, n=NEAREST, cutoff=0)
    return f"the nearest are {', '.join(nearest)}{layers}; add .input for the input of a module"


def _open(name: str) -> str:
    """Put N for the number of a layer."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)", "N", name)
