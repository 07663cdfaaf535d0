"""Where SAEs come from: folders and releases in the layouts that sae-lens knows. Importing this imports sae-lens."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from sae_lens import SAE
from sae_lens.loading import pretrained_sae_loaders as loaders
from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory
from safetensors import SafetensorError, safe_open
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.quiet import unwarned

DTYPE = "float32"
LOADING_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
    SafetensorError,
)
HUB_LOADERS = {"sparsify": "sparsify", "dictionary_learning": "dictionary_learning_1", "gemma_scope": "gemma_2"}

Loaded = tuple[dict[str, Any], dict[str, Tensor]]


def read_sae(spec: SaeSpec, *, device: str) -> SAE[Any]:
    """Read an SAE in float32; InvalidModel says in one sentence why it cannot be read."""
    where = spec.path or "/".join(part for part in (spec.release, spec.sae_id) if part)
    try:
        with unwarned():
            return _from_release(spec, device) if spec.path is None else _from_folder(spec, Path(spec.path), device)
    except (Absent, *LOADING_ERRORS) as error:
        raise InvalidModel(f"cannot load the SAE {where} in the layout {spec.layout!r}: {_said(error)}") from error


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"its configuration has no {error}"
    lines = [line.strip() for line in str(error).strip().splitlines()]
    return " ".join(lines[:2]).rstrip(". ") or type(error).__name__


def _from_folder(spec: SaeSpec, path: Path, device: str) -> SAE[Any]:
    folder = path.expanduser().resolve()
    folder = folder.parent if folder.is_file() else folder
    if not folder.is_dir():
        raise InvalidModel(f"there is no SAE folder {path}; give the folder that holds the SAE's weights")

    def convert(path: str | Path, device: str, cfg_overrides: dict[str, Any] | None) -> Loaded:
        return _READERS[spec.layout](Path(path), device, cfg_overrides or {})

    return SAE.load_from_disk(folder, device=device, dtype=DTYPE, converter=convert)


def _from_release(spec: SaeSpec, device: str) -> SAE[Any]:
    release = str(spec.release)
    converter = loaders.NAMED_PRETRAINED_SAE_LOADERS[HUB_LOADERS[spec.layout]] if spec.layout in HUB_LOADERS else None
    known = get_pretrained_saes_directory().get(release)
    sae_id = spec.sae_id or _only(release, list(known.saes_map) if known else [])
    only_local(known.repo_id if known else release, None, kind="model")
    return SAE.from_pretrained(
        release,
        sae_id,
        device=device,
        dtype=DTYPE,
        converter=None if known else converter,
    )


def _only(release: str, ids: list[str]) -> str:
    if len(ids) != 1:
        found = f"; it has {', '.join(ids[:5])}{', …' if len(ids) > 5 else ''}" if ids else ""
        raise InvalidModel(f"say which SAE of the release {release} with `sae_id`{found}")
    return ids[0]


def _read_sae_lens(folder: Path, device: str, overrides: dict[str, Any]) -> Loaded:
    return loaders.sae_lens_disk_loader(folder, device, overrides)


def _read_sparsify(folder: Path, device: str, overrides: dict[str, Any]) -> Loaded:
    """Read one of EleutherAI's SAEs; the name of its folder is the module path that it reads.

    sae-lens 6.54 transposes `W_dec`, which is stored as (feature, width), and leaves `b_dec` on the input of SAEs
    whose decoder is normalised, from which sparsify always subtracts it; both are put right here.
    """
    config = json.loads((folder / "cfg.json").read_text())
    unread = [key for key in ("transcode", "signed", "skip_connection") if config.get(key)]
    unread += [str(config["activation"])] if config.get("activation", "topk") != "topk" else []
    if unread:
        raise InvalidModel(f"the SAE {folder} uses {unread[0]!r}, which is not supported; use a plain TopK SAE")
    cfg, state = loaders.sparsify_disk_loader(folder, device, {**overrides, "apply_b_dec_to_input": True})
    if state["W_dec"].shape != (cfg["d_sae"], cfg["d_in"]):
        state["W_dec"] = state["W_dec"].T.contiguous()
    return {**cfg, "hf_hook_name": folder.name}, state


def _read_dictionary_learning(folder: Path, device: str, overrides: dict[str, Any]) -> Loaded:
    local = _loaders_reading(folder.parent)
    cfg, state, _ = local.dictionary_learning_sae_huggingface_loader_1(
        folder.parent.name, folder.name, device, False, overrides
    )
    return cfg, _in_float32(state)


def _read_gemma_scope(folder: Path, device: str, overrides: dict[str, Any]) -> Loaded:
    """Read a folder of Gemma Scope, whose path says model, site and layer: `gemma-scope-2b-pt-res/layer_20/…`."""
    repo = _gemma_scope_root(folder)
    local = _loaders_reading(repo)
    name = folder.relative_to(repo).as_posix()
    if (folder / "params.safetensors").is_file():
        cfg, state, _ = local.gemma_3_sae_huggingface_loader(repo.name, name, device, False, overrides)
        return cfg, _in_float32(state)
    with np.load(folder / "params.npz") as data:
        width, features = data["w_enc"].shape
    sizes = {"d_in": width, "d_sae": features}
    cfg, state, _ = local.gemma_2_sae_huggingface_loader(repo.name, name, device, False, {**overrides, **sizes})
    return cfg, state


def _gemma_scope_root(folder: Path) -> Path:
    root = next((part for part in (folder, *folder.parents) if "gemma-scope" in part.name), None)
    if root is None or root == folder:
        raise InvalidModel(f"the path {folder} must hold the repository's name, as in gemma-scope-2b-pt-res/layer_20/…")
    return root


def _in_float32(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.to(torch.float32).contiguous() for name, values in state.items()}


def _loaders_reading(root: Path) -> ModuleType:
    """Return a private copy of sae-lens's loaders that takes a repository's files from the folder `root`.

    The loaders of most layouts only know the hub; the copy leaves the shared module as it is.
    """
    spec = importlib.util.find_spec(loaders.__name__)
    if spec is None or spec.loader is None:
        raise InvalidModel("sae-lens is not installed as a package; install autointerp with the models extra")
    local = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(local)

    def find(repo_id: str, filename: str, *, subfolder: str | None = None, force_download: bool = False) -> str:
        path = root / (subfolder or "") / filename
        if not path.is_file():
            raise LocalEntryNotFoundError(f"there is no file {path}")
        return str(path)

    def shapes(repo_id: str, filename: str) -> dict[str, list[int]]:
        with safe_open(find(repo_id, filename), framework="pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

    vars(local).update(hf_hub_download=find, get_safetensors_tensor_shapes=shapes)
    return local


_READERS: dict[str, Callable[[Path, str, dict[str, Any]], Loaded]] = {
    "sae_lens": _read_sae_lens,
    "sparsify": _read_sparsify,
    "dictionary_learning": _read_dictionary_learning,
    "gemma_scope": _read_gemma_scope,
}
