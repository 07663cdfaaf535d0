"""The subject model: any Hugging Face causal LM, read at its hook points."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from autointerp.domain.places import names_folder
from autointerp.domain.specs import SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import InvalidModel
from autointerp.subject import hooks
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.pickles import refuse_folder
from autointerp.subject.quiet import quiet
from autointerp.subject.reading import Reading
from autointerp.subject.vocabulary import read_vocabulary

# What from_pretrained raises for folders and ids that are missing, damaged or of an unknown kind.
LOADING_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError)
NO_LIMIT = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class SubjectModel:
    """A causal LM with its tokenizer, ready to be read."""

    name: str
    revision: str | None
    dtype: str
    device: str
    module: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    vocabulary: Vocabulary
    width: int
    layers: int
    max_context: int

    def hook_points(self) -> tuple[str, ...]:
        """List the module paths whose output can be read; with `.input`, their input."""
        return hooks.hook_points(self.module)

    def resolve(self, hook: str) -> str:
        """Translate a hook point's name to a module path; InvalidModel says which exist."""
        return hooks.resolve(self.module, hook)

    def read(self, tokens: Int[Tensor, "batch pos"], at: Sequence[str]) -> dict[str, Float[Tensor, "batch pos width"]]:
        """Return the activations at each hook point of `at`, without computing anything behind the deepest one.

        Rows are full: no attention mask is used, so padding may only stand at a row's end, where it changes nothing
        before it. Not to be called from two threads at once.
        """
        places = {name: hooks.place(self.module, name) for name in at}
        with torch.no_grad():
            return Reading(self.module, places).run(tokens.to(self.device))

    @contextmanager
    def compiled(self) -> Generator[None]:
        """Compile the forward pass of each layer while the context is open (torch.compile); it changes last bits.

        InvalidModel when it cannot be compiled.
        """
        _, layers = hooks.layer_list(self.module)
        for layer in layers:
            layer.forward = torch.compile(layer.forward)
        try:
            yield
        except RuntimeError as error:
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            why = str(error).strip().splitlines()[0]
            raise InvalidModel(
                f"cannot compile the layers of {self.name}: {why}; leave `compile` out, or install a C++ compiler"
            ) from error
        finally:
            for layer in layers:
                del layer.forward  # what was set on the instance; that of the class is left

    def unembedding(self) -> Float[Tensor, "vocab width"]:
        """Return the map from the residual stream to logits, in float32, with the final norm folded in.

        The norm's gain is folded in and, for a LayerNorm, its subtraction of the mean; its scale is left out.
        """
        head: nn.Module | None = self.module.get_output_embeddings()
        if head is None:
            raise InvalidModel(f"{self.name} has no unembedding, so no logits can be computed")
        weight = head.get_parameter("weight").detach().float()
        norm = _final_norm(self.module)
        if norm is None:
            return weight
        folded = weight * _gain(norm, weight.shape[1]).to(weight.device)
        return folded - folded.mean(1, keepdim=True) if isinstance(norm, nn.LayerNorm) else folded


def load_model(spec: SubjectSpec, *, device: str = "cpu", pickles: bool = False) -> SubjectModel:
    """Load a causal LM and its tokenizer from a folder or the hub; InvalidModel says what is wrong with it.

    Code that comes with a model is never run; `pickles`: weights may be in files that could run some.
    """
    _check_folder(spec.model)
    if not pickles:
        refuse_folder(Path(spec.model).expanduser())
    try:
        local = only_local(spec.model, spec.revision, kind="model")
        with quiet():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                spec.model,
                revision=spec.revision,
                dtype=getattr(torch, spec.dtype),
                output_loading_info=True,
                local_files_only=local,
                use_safetensors=None if pickles else True,
                trust_remote_code=False,
            )
    except (Absent, *LOADING_ERRORS) as error:
        raise InvalidModel(_why(f"cannot load the model {spec.model!r}", error)) from error
    module, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise InvalidModel(f"the weights of {spec.model!r} are incomplete: {missing[0]} is missing")
    return wrap(
        module,
        load_tokenizer(spec, local=local),
        name=spec.model,
        revision=spec.revision,
        dtype=spec.dtype,
        device=device,
    )


def wrap(
    module: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    name: str,
    revision: str | None,
    dtype: str,
    device: str,
) -> SubjectModel:
    """Make a subject model of a loaded one; InvalidModel for weights that are not finite or a vocabulary too large."""
    for weight, values in module.named_parameters():
        if not bool(torch.isfinite(values).all()):
            raise InvalidModel(f"the weights of {name!r} hold NaN or infinity in {weight}; use another checkpoint")
    config = module.config.get_text_config()
    rows = module.get_input_embeddings().get_parameter("weight").shape[0]
    if max(tokenizer.get_vocab().values()) >= rows:
        raise InvalidModel(f"the tokenizer of {name!r} has token ids beyond the model's {rows} embeddings")
    return SubjectModel(
        name=name,
        revision=revision,
        dtype=dtype,
        device=device,
        module=module.to(device).eval().requires_grad_(requires_grad=False),  # pyright: ignore[reportArgumentType]
        tokenizer=tokenizer,
        vocabulary=read_vocabulary(tokenizer, size=rows),
        width=int(config.hidden_size),
        layers=int(config.num_hidden_layers),
        max_context=_max_context(config, tokenizer),
    )


def load_tokenizer(spec: SubjectSpec, *, local: bool) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model, from disk alone where `local`; InvalidModel when there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            spec.model, revision=spec.revision, local_files_only=local, trust_remote_code=False
        )
    except LOADING_ERRORS as error:
        raise InvalidModel(_why(f"cannot load the tokenizer of {spec.model!r}", error)) from error
    # Where the files of a tokenizer are missing, some classes make one with special tokens alone.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_ids):
        raise InvalidModel(f"{spec.model!r} has no tokenizer; save one with the model")
    return tokenizer


def _check_folder(name: str) -> None:
    path = Path(name).expanduser()
    if names_folder(name) and not path.is_dir():
        raise InvalidModel(f"there is no model folder {name}; give a folder with a config.json, or a hub id")
    if path.is_dir() and not (path / "config.json").is_file():
        raise InvalidModel(f"the folder {name} has no config.json, so it holds no Hugging Face model")


def _why(what: str, error: BaseException) -> str:
    """One line: what failed and the first line of the library's message."""
    first = str(error).strip().splitlines()
    return f"{what}: {first[0].rstrip('. ') if first else type(error).__name__}"


def _max_context(config: Any, tokenizer: PreTrainedTokenizerBase) -> int:
    limits = (getattr(config, "max_position_embeddings", None), tokenizer.model_max_length)
    return next((int(limit) for limit in limits if limit is not None and 0 < limit < NO_LIMIT), NO_LIMIT)


def _final_norm(module: nn.Module) -> nn.Module | None:
    """The norm between the last layer and the unembedding: the last one beside the list of layers."""
    path, _ = hooks.layer_list(module)
    parent = module.get_submodule(path.rpartition(".")[0])
    norms = [part for name, part in parent.named_children() if "norm" in type(part).__name__.lower() or name == "ln_f"]
    return norms[-1] if norms else None


def _gain(norm: nn.Module, width: int) -> Float[Tensor, "width"]:
    """The gain of a norm; of an RMSNorm it is read off its answer to ones, since some store the gain minus one."""
    if isinstance(norm, nn.LayerNorm):
        return norm.weight.detach().float() if norm.elementwise_affine else torch.ones(width)
    weight = next(norm.parameters())
    with torch.no_grad():
        return norm(torch.ones(1, width, dtype=weight.dtype, device=weight.device))[0].float().clone()
