"""Where SAEs come from: folders and releases in the layouts that sae-lens knows. Importing this imports sae-lens."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
import yaml
from sae_lens import SAE
from sae_lens.loading import pretrained_sae_loaders as loaders
from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory
from safetensors import SafetensorError
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.quiet import unwarned
from autointerp.subject.sae_layouts import DTYPE, Loaded, private_loaders, read_layout, scaling_factor

# What sae-lens and the readers of safetensors, pickles, archives, JSON and YAML raise for files that are damaged.
LOADING_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    SafetensorError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    yaml.YAMLError,
)
HUB_LOADERS = {
    "sparsify": "sparsify",
    "dictionary_learning": "dictionary_learning_1",
    "gemma_scope": "gemma_2",
    "llama_scope": "llama_scope",
    "transcoder": "mwhanna_transcoder",
    "hook_z": "connor_rob_hook_z",
    "qwen_scope": "qwen_scope",
}


def read_sae(spec: SaeSpec, *, device: str, pickles: bool = False) -> SAE[Any]:
    """Read an SAE in float32; InvalidModel says in one sentence why it cannot be read."""
    if spec.baseline is not None:
        raise InvalidModel(f"the baseline {spec.baseline.kind!r} is no file; fit it with `autointerp baseline` first")
    where = spec.path or "/".join(part for part in (spec.release, spec.sae_id) if part)
    try:
        with unwarned():
            if spec.path is None:
                sae = _from_release(spec, device, pickles)
            else:
                sae = _from_path(spec, Path(spec.path), device, pickles)
            return both_signs(sae) if sae.cfg.architecture() == "abstopk" else sae
    except (Absent, *LOADING_ERRORS) as error:
        raise InvalidModel(
            f"cannot load the SAE {where} in the layout {spec.layout!r}: {_said(error)}; "
            "are its files whole, and is that its `layout`?"
        ) from error


def both_signs(sae: SAE[Any]) -> SAE[Any]:
    """Return the TopK SAE that does what an AbsTopK SAE does, with two features for each of its n.

    An AbsTopK feature fires in either direction, and each direction has a meaning of its own: feature i fires where
    the original one is positive, feature i + n where it is negative, with the size of its activation. The k largest
    of all pre-activations and their negatives are the k largest sizes, so exactly the same ones are chosen.
    """
    state = sae.state_dict()
    doubled: dict[str, Tensor] = {
        "W_enc": torch.cat([state["W_enc"], -state["W_enc"]], dim=1),
        "b_enc": torch.cat([state["b_enc"], -state["b_enc"]]),
        "W_dec": torch.cat([state["W_dec"], -state["W_dec"]]),
        "b_dec": state["b_dec"],
    }
    found = SAE.from_dict({**sae.cfg.to_dict(), "architecture": "topk", "d_sae": 2 * sae.cfg.d_sae})
    found.load_state_dict(doubled)
    found.cfg.metadata.kind = "abstopk"
    return found


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"its configuration has no {error}"
    lines = [line.strip() for line in str(error).strip().splitlines()]
    return " ".join(lines[:2]).rstrip(". ") or type(error).__name__


def _from_path(spec: SaeSpec, given: Path, device: str, pickles: bool) -> SAE[Any]:
    path = given.expanduser().resolve()
    if not path.exists():
        raise InvalidModel(f"there is no SAE folder {given}; give the folder that holds the SAE's weights")
    if path.is_file() and spec.layout not in ("transcoder", "hook_z", "qwen_scope"):
        path = path.parent

    def convert(path: str | Path, device: str, cfg_overrides: dict[str, Any] | None) -> Loaded:
        return read_layout(spec.layout, Path(path), device, pickles=pickles)

    sae = SAE.load_from_disk(path, device=device, dtype=DTYPE, converter=convert)
    factor = scaling_factor(spec.layout, path)
    if factor is not None and sae.cfg.normalize_activations == "expected_average_only_in":
        sae.fold_activation_norm_scaling_factor(factor)
    return sae


def _from_release(spec: SaeSpec, device: str, pickles: bool) -> SAE[Any]:
    release = str(spec.release)
    known = get_pretrained_saes_directory().get(release)
    sae_id = spec.sae_id or _only(release, list(known.saes_map) if known else [])
    only_local(known.repo_id if known else release, None, kind="model")
    loader = loaders.get_conversion_loader_name(release) if known else HUB_LOADERS.get(spec.layout, "sae_lens")
    return SAE.from_pretrained(
        release,
        sae_id,
        device=device,
        dtype=DTYPE,
        converter=private_loaders(pickles=pickles).NAMED_PRETRAINED_SAE_LOADERS[loader],
    )


def _only(release: str, ids: list[str]) -> str:
    if len(ids) != 1:
        found = f"; it has {', '.join(ids[:5])}{', …' if len(ids) > 5 else ''}" if ids else ""
        raise InvalidModel(f"say which SAE of the release {release} with `sae_id`{found}")
    return ids[0]
