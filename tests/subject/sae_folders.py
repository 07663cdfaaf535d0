"""SAEs written to folders in the layouts of the libraries that publish them, and their formulas by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

WIDTH, FEATURES, K, THRESHOLD = 64, 96, 8, 0.3
Weights = dict[str, Tensor]
Formula = Callable[[Weights, Tensor], Tensor]


def relu(pre: Tensor) -> Tensor:
    return pre.relu()


def strongest(pre: Tensor) -> Tensor:
    chosen = pre.topk(K, dim=-1)
    return torch.zeros_like(pre).scatter(-1, chosen.indices, chosen.values.relu())


def jump(pre: Tensor) -> Tensor:
    return pre.relu() * (pre > THRESHOLD)


def centred(fire: Callable[[Tensor], Tensor]) -> Formula:
    return lambda weights, acts: fire((acts - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"])


def plain(fire: Callable[[Tensor], Tensor]) -> Formula:
    return lambda weights, acts: fire(acts @ weights["W_enc"] + weights["b_enc"])


def gated(weights: Weights, acts: Tensor) -> Tensor:
    """With a gate bias of 0.1, a magnitude bias of -0.1 and magnitudes exp(0.2) times as large."""
    pre = (acts - weights["b_dec"]) @ weights["W_enc"]
    return (pre + 0.1 > 0) * (pre * float(np.exp(0.2)) - 0.1).relu()


def sae_lens(folder: Path, weights: Weights, architecture: str, **options: Any) -> Path:
    config = {"architecture": architecture, "d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32", **options}
    config["metadata"] = {"hook_name": "blocks.2.hook_resid_post", "sae_lens_version": "6.54.0"}
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(config))
    save_file(weights, folder / "sae_weights.safetensors")
    return folder


def sparsify(folder: Path, weights: Weights, *, dtype: torch.dtype = torch.float32) -> Path:
    """As EleutherAI's sparsify writes it: `W_dec` by feature, like the encoder."""
    folder = folder / "layers.2"
    folder.mkdir(parents=True)
    options = {"d_in": WIDTH, "num_latents": FEATURES, "expansion_factor": 32, "k": K, "normalize_decoder": True}
    (folder / "cfg.json").write_text(json.dumps({**options, "activation": "topk", "transcode": False}))
    stored = {"encoder.weight": weights["W_enc"].T, "encoder.bias": weights["b_enc"]}
    stored |= {"W_dec": weights["W_dec"], "b_dec": weights["b_dec"]}
    save_file({name: values.to(dtype).contiguous() for name, values in stored.items()}, folder / "sae.safetensors")
    return folder


def dictionary_learning(folder: Path, weights: Weights, dict_class: str = "AutoEncoder", **trainer: Any) -> Path:
    folder = folder / "trainer_0"
    folder.mkdir(parents=True)
    about = {"dict_class": dict_class, "activation_dim": WIDTH, "dict_size": FEATURES, "layer": 2, "lm_name": "a/b"}
    (folder / "config.json").write_text(json.dumps({"trainer": about | trainer, "buffer": {"ctx_len": 128}}))
    linear = {"encoder.weight": weights["W_enc"].T, "decoder.weight": weights["W_dec"].T}
    threshold = torch.tensor(THRESHOLD)
    stored = {
        "AutoEncoder": {**linear, "encoder.bias": weights["b_enc"], "bias": weights["b_dec"]},
        "AutoEncoderTopK": {
            **linear,
            "encoder.bias": weights["b_enc"],
            "b_dec": weights["b_dec"],
            "k": torch.tensor(K),
            "threshold": threshold,
        },
        "BatchTopKSAE": {
            **linear,
            "encoder.bias": weights["b_enc"],
            "b_dec": weights["b_dec"],
            "k": torch.tensor(K),
            "threshold": threshold,
        },
        "MatryoshkaBatchTopKSAE": {**weights, "threshold": threshold, "group_sizes": torch.tensor([32, 64])},
        "JumpReluAutoEncoder": {**weights, "threshold": torch.full((FEATURES,), THRESHOLD)},
        "GatedAutoEncoder": {
            **linear,
            "decoder_bias": weights["b_dec"],
            "r_mag": torch.full((FEATURES,), 0.2),
            "gate_bias": torch.full((FEATURES,), 0.1),
            "mag_bias": torch.full((FEATURES,), -0.1),
        },
    }
    torch.save(stored.get(dict_class, linear), folder / "ae.pt")
    return folder


def gemma_scope(folder: Path, weights: Weights, *, repo: str = "gemma-scope-2b-pt-res") -> Path:
    folder = folder / repo / "layer_2" / "width_16k" / "average_l0_71"
    folder.mkdir(parents=True)
    stored = {name.replace("W_", "w_"): values.numpy() for name, values in weights.items()}
    if "transcoder" in repo:
        stored = {name.replace("w_", "W_"): values for name, values in stored.items()}
    np.savez(folder / "params.npz", threshold=np.full(FEATURES, THRESHOLD, dtype=np.float32), **stored)
    return folder


def gemma_scope_2(folder: Path, weights: Weights, *, site: str = "resid_post") -> Path:
    """As for Gemma 3: safetensors, and a configuration that names the module."""
    folder = folder / "gemma-scope-2-1b-pt" / site / "layer_2_width_16k_l0_small"
    folder.mkdir(parents=True)
    hook = {"hf_hook_point_in": "model.layers.2.output", "model_name": "google/gemma-3-1b-pt"}
    if site == "transcoder":
        hook |= {"hf_hook_point_in": "model.layers.2.post_attention_layernorm.output", "affine_connection": True}
    (folder / "config.json").write_text(json.dumps({"architecture": "jump_relu", **hook}))
    stored = {name.replace("W_", "w_"): values for name, values in weights.items()}
    stored["threshold"] = torch.full((FEATURES,), THRESHOLD)
    if site == "transcoder":
        stored["affine_skip_connection"] = torch.eye(WIDTH)
    save_file(stored, folder / "params.safetensors")
    return folder


def llama_scope(folder: Path, weights: Weights, *, norm: float = 16.0) -> Path:
    """OpenMOSS's: trained on activations scaled to a norm of √width, as the published ones were."""
    folder = folder / "Llama3_1-8B-Base-L2R-8x"
    (folder / "checkpoints").mkdir(parents=True)
    config = {
        "d_model": WIDTH,
        "d_sae": FEATURES,
        "hook_point_in": "blocks.2.hook_resid_post",
        "jump_relu_threshold": THRESHOLD,
        "dataset_average_activation_norm": {"in": norm, "out": norm},
    }
    (folder / "hyperparams.json").write_text(json.dumps(config))
    stored = {"encoder.weight": weights["W_enc"].T, "encoder.bias": weights["b_enc"]}
    stored |= {"decoder.weight": weights["W_dec"].T, "decoder.bias": weights["b_dec"]}
    save_file(
        {name: values.contiguous() for name, values in stored.items()}, folder / "checkpoints" / "final.safetensors"
    )
    return folder


def transcoder(folder: Path, weights: Weights) -> Path:
    """One layer of the per-layer transcoders of circuit-tracer: the encoder by feature, one file a layer."""
    folder = folder / "transcoders"
    folder.mkdir(parents=True)
    sizes = {"d_model": WIDTH, "d_feature": FEATURES, "batch_size": 4096}
    (folder / "wandb-config.yaml").write_text(yaml.safe_dump({name: {"value": n} for name, n in sizes.items()}))
    (folder / "config.yaml").write_text(yaml.safe_dump({"model_name": "a/b"}))
    save_file({**weights, "W_enc": weights["W_enc"].T.contiguous()}, folder / "layer_2.safetensors")
    return folder / "layer_2.safetensors"


def hook_z(folder: Path, weights: Weights) -> Path:
    folder = folder / "attention"
    folder.mkdir(parents=True)
    config = {"act_size": WIDTH, "dict_size": FEATURES, "act_name": "blocks.2.attn.hook_z"}
    (folder / "attention_cfg.json").write_text(json.dumps(config))
    torch.save(weights, folder / "attention.pt")
    return folder / "attention.pt"


def qwen_scope(folder: Path, weights: Weights) -> Path:
    folder = folder / f"SAE-Res-Qwen3-1.7B-Base-W32K-L0_{K}"
    folder.mkdir(parents=True)
    stored = {**weights, "W_enc": weights["W_enc"].T.contiguous(), "W_dec": weights["W_dec"].T.contiguous()}
    torch.save(stored, folder / "layer2.sae.pt")
    return folder / "layer2.sae.pt"
