"""The layouts in which SAEs lie in folders, each read by sae-lens's own loader. Importing this imports sae-lens."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from sae_lens import TrainingSAE
from sae_lens.loading import pretrained_sae_loaders as loaders
from sae_lens.registry import SAE_CLASS_REGISTRY, SAE_TRAINING_CLASS_REGISTRY
from safetensors import safe_open
from torch import Tensor

from autointerp.errors import InvalidModel
from autointerp.subject.pickles import TorchWithoutPickles

DTYPE = "float32"
OVERRIDES = {"dtype": DTYPE}
# The classes of dictionary_learning that sae-lens tells apart; it reads any other as a plain ReLU SAE.
DICTIONARIES = frozenset(
    {
        "AutoEncoder",
        "AutoEncoderTopK",
        "BatchTopKSAE",
        "GatedAutoEncoder",
        "JumpReluAutoEncoder",
        "MatryoshkaBatchTopKSAE",
    }
)

Loaded = tuple[dict[str, Any], dict[str, Tensor]]


def read_layout(layout: str, path: Path, device: str, *, pickles: bool) -> Loaded:
    """Return the configuration and the float32 weights of the SAE at `path`, which exists."""
    cfg, state = _READERS[layout](path, device, pickles)
    return cfg, {name: values.to(torch.float32).contiguous() for name, values in state.items()}


def scaling_factor(layout: str, path: Path) -> float | None:
    """Return what activations are multiplied with before an SAE that expects it; None: nothing says so."""
    if layout == "sae_lens" and (path / "activation_scaler.json").is_file():
        factor = json.loads((path / "activation_scaler.json").read_text()).get("scaling_factor")
        return None if factor is None else float(factor)
    if layout == "llama_scope":
        config = json.loads((path / "hyperparams.json").read_text())
        return float(config["d_model"] ** 0.5 / config["dataset_average_activation_norm"]["in"])
    return None


def _read_sae_lens(folder: Path, device: str, pickles: bool) -> Loaded:
    architecture = json.loads((folder / "cfg.json").read_text()).get("architecture")
    if architecture in SAE_TRAINING_CLASS_REGISTRY and architecture not in SAE_CLASS_REGISTRY:
        return _read_checkpoint(folder, device)
    return loaders.sae_lens_disk_loader(folder, device, dict(OVERRIDES))


def _read_checkpoint(folder: Path, device: str) -> Loaded:
    """Read a training checkpoint of BatchTopK and its kin as the JumpReLU SAE that sae-lens saves in the end."""
    training = TrainingSAE.load_from_disk(folder, device=device, dtype=DTYPE)
    state = training.state_dict()
    training.process_state_dict_for_saving_inference(state)
    return training.cfg.get_inference_sae_cfg_dict(), state


def _read_sparsify(folder: Path, device: str, pickles: bool) -> Loaded:
    """Read one of EleutherAI's SAEs; the name of its folder is the module path that it reads.

    sae-lens 6.54 transposes `W_dec`, which is stored as (feature, width), and leaves `b_dec` on the input of SAEs
    whose decoder is normalised, from which sparsify always subtracts it; both are put right here.
    """
    config = json.loads((folder / "cfg.json").read_text())
    unread = [key for key in ("transcode", "signed", "skip_connection") if config.get(key)]
    unread += [str(config["activation"])] if config.get("activation", "topk") != "topk" else []
    if unread:
        raise InvalidModel(f"the SAE {folder} uses {unread[0]!r}, which is not supported; use a plain TopK SAE")
    cfg, state = loaders.sparsify_disk_loader(folder, device, {**OVERRIDES, "apply_b_dec_to_input": True})
    with safe_open(folder / "sae.safetensors", framework="pt", device=device) as file:
        if "W_dec" in file.keys():  # noqa: SIM118 - not a dict
            state["W_dec"] = file.get_tensor("W_dec")
    return {**cfg, "hf_hook_name": folder.name}, state


def _read_dictionary_learning(folder: Path, device: str, pickles: bool) -> Loaded:
    trainer = json.loads((folder / "config.json").read_text())["trainer"]
    if trainer["dict_class"] not in DICTIONARIES:
        known = ", ".join(sorted(DICTIONARIES))
        raise InvalidModel(f"the SAE {folder} is of the class {trainer['dict_class']!r}; only {known} are supported")
    local = _loaders_reading(folder.parent, pickles)
    cfg, state, _ = local.dictionary_learning_sae_huggingface_loader_1(
        folder.parent.name, folder.name, device, False, dict(OVERRIDES)
    )
    # sae-lens takes every dictionary to read the residual stream.
    if "resid" not in trainer.get("submodule_name", "resid"):
        del cfg["hook_name"]
    return cfg, state


def _read_gemma_scope(folder: Path, device: str, pickles: bool) -> Loaded:
    """Read a folder of Gemma Scope, whose path says model, site and layer: `gemma-scope-2b-pt-res/layer_20/…`."""
    repo = next((part for part in (folder, *folder.parents) if "gemma-scope" in part.name), folder)
    if repo == folder:
        raise InvalidModel(f"the path {folder} must hold the repository's name, as in gemma-scope-2b-pt-res/layer_20/…")
    local, name = _loaders_reading(repo, pickles), folder.relative_to(repo).as_posix()
    if (folder / "params.safetensors").is_file():
        load = local.gemma_3_sae_huggingface_loader
    elif "transcoder" in repo.name:
        load = local.gemma_2_transcoder_huggingface_loader
    else:
        load = local.gemma_2_sae_huggingface_loader
    cfg, state, _ = load(repo.name, name, device, False, dict(OVERRIDES))
    return _sized(cfg, state)


def _read_llama_scope(folder: Path, device: str, pickles: bool) -> Loaded:
    local = _loaders_reading(folder.parent, pickles)
    cfg, state, _ = local.llama_scope_sae_huggingface_loader(
        folder.parent.name, folder.name, device, False, {**OVERRIDES, "device": device}
    )
    return cfg, state


def _read_file(path: Path, device: str, pickles: bool, load: str) -> Loaded:
    """Read an SAE that is one file of a repository, whose name is that of the folder around it."""
    if not path.is_file():
        raise InvalidModel(f"give the path of the file that holds the SAE's weights, not of its folder {path}")
    cfg, state, _ = getattr(_loaders_reading(path.parent, pickles), load)(
        path.parent.name, path.name, device, False, dict(OVERRIDES)
    )
    return _sized(cfg, state)


def _read_transcoder(path: Path, device: str, pickles: bool) -> Loaded:
    return _read_file(path, device, pickles, "mwhanna_transcoder_huggingface_loader")


def _read_hook_z(path: Path, device: str, pickles: bool) -> Loaded:
    return _read_file(path, device, pickles, "connor_rob_hook_z_huggingface_loader")


def _read_qwen_scope(path: Path, device: str, pickles: bool) -> Loaded:
    return _read_file(path, device, pickles, "qwen_scope_sae_huggingface_loader")


def _sized(cfg: dict[str, Any], state: dict[str, Tensor]) -> Loaded:
    """Take the sizes from the weights: some loaders only know those of the published SAEs."""
    width, features = state["W_enc"].shape
    return {**cfg, "d_in": width, "d_sae": features} | (
        {"d_out": state["W_dec"].shape[1]} if "d_out" in cfg else {}
    ), state


def private_loaders(*, pickles: bool) -> ModuleType:
    """Return a private copy of sae-lens's loaders, which reads no pickle unless `pickles`; the shared module stays."""
    spec = importlib.util.find_spec(loaders.__name__)
    if spec is None or spec.loader is None:
        raise InvalidModel("sae-lens is not installed as a package; install autointerp with the models extra")
    local = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(local)
    if not pickles:
        vars(local)["torch"] = TorchWithoutPickles()
    return local


def _loaders_reading(root: Path, pickles: bool) -> ModuleType:
    """Return a private copy of sae-lens's loaders that takes a repository's files from the folder `root`.

    The loaders of most layouts only know the hub.
    """
    local = private_loaders(pickles=pickles)

    def find(repo_id: str, filename: str, *, subfolder: str | None = None, **_: Any) -> str:
        path = root / (subfolder or "") / filename
        if not path.is_file():
            raise LocalEntryNotFoundError(f"there is no file {path}")
        return str(path)

    def shapes(repo_id: str, filename: str) -> dict[str, list[int]]:
        with safe_open(find(repo_id, filename), framework="pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

    vars(local).update(hf_hub_download=find, get_safetensors_tensor_shapes=shapes)
    return local


_READERS: dict[str, Callable[[Path, str, bool], Loaded]] = {
    "sae_lens": _read_sae_lens,
    "sparsify": _read_sparsify,
    "dictionary_learning": _read_dictionary_learning,
    "gemma_scope": _read_gemma_scope,
    "llama_scope": _read_llama_scope,
    "transcoder": _read_transcoder,
    "hook_z": _read_hook_z,
    "qwen_scope": _read_qwen_scope,
}
