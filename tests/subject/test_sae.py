import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted
from autointerp.subject.quiet import unwarned
from autointerp.subject.sae import Dictionary, load_sae

with unwarned():
    from sae_lens import SAE

WIDTH, FEATURES, K = 64, 96, 8
Weights = dict[str, torch.Tensor]


@pytest.fixture
def weights() -> Weights:
    """Weights whose decoder rows have very different norms."""
    draw = torch.Generator().manual_seed(0)
    decoder = torch.randn(FEATURES, WIDTH, generator=draw) * torch.linspace(0.2, 3, FEATURES)[:, None]
    return {
        "W_enc": torch.randn(WIDTH, FEATURES, generator=draw) / 8,
        "b_enc": torch.randn(FEATURES, generator=draw) / 10,
        "W_dec": decoder,
        "b_dec": torch.randn(WIDTH, generator=draw) / 10,
    }


@pytest.fixture(scope="module")
def acts(stories: SubjectModel) -> torch.Tensor:
    tokens = torch.randint(3, 512, (4, 32), generator=torch.Generator().manual_seed(1))
    return stories.read(tokens, ["model.layers.2"])["model.layers.2"].clone()


def sae_lens_folder(folder: Path, weights: Weights, architecture: str, **options: Any) -> Path:
    config = {"architecture": architecture, "d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32", **options}
    config["metadata"] = {"hook_name": "blocks.2.hook_resid_post", "sae_lens_version": "6.54.0"}
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(config))
    save_file(weights, folder / "sae_weights.safetensors")
    return folder


def sparsify_folder(folder: Path, weights: Weights) -> Path:
    """As EleutherAI's sparsify writes it: `W_dec` by feature, like the encoder."""
    folder = folder / "layers.2"
    folder.mkdir(parents=True)
    options = {"d_in": WIDTH, "num_latents": FEATURES, "expansion_factor": 32, "k": K, "normalize_decoder": True}
    (folder / "cfg.json").write_text(json.dumps({**options, "activation": "topk", "transcode": False}))
    stored = {"encoder.weight": weights["W_enc"].T, "encoder.bias": weights["b_enc"]}
    stored |= {"W_dec": weights["W_dec"], "b_dec": weights["b_dec"]}
    save_file({name: values.contiguous() for name, values in stored.items()}, folder / "sae.safetensors")
    return folder


def dictionary_learning_folder(folder: Path, weights: Weights) -> Path:
    folder = folder / "trainer_0"
    folder.mkdir(parents=True)
    trainer = {
        "dict_class": "AutoEncoder",
        "activation_dim": WIDTH,
        "dict_size": FEATURES,
        "layer": 2,
        "lm_name": "a/b",
    }
    (folder / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"ctx_len": 128}}))
    stored = {"encoder.weight": weights["W_enc"].T, "encoder.bias": weights["b_enc"]}
    torch.save({**stored, "decoder.weight": weights["W_dec"].T, "bias": weights["b_dec"]}, folder / "ae.pt")
    return folder


def gemma_scope_folder(folder: Path, weights: Weights) -> Path:
    folder = folder / "gemma-scope-2b-pt-res" / "layer_2" / "width_16k" / "average_l0_71"
    folder.mkdir(parents=True)
    stored = {name.replace("W_", "w_"): values.numpy() for name, values in weights.items()}
    np.savez(folder / "params.npz", threshold=np.full(FEATURES, 0.3, dtype=np.float32), **stored)
    return folder


def by_hand(layout: str, weights: Weights, acts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations times decoder norms, and the reconstruction, by the formula of each layout's own paper."""
    centred = acts if layout == "gemma_scope" else acts - weights["b_dec"]
    pre = centred @ weights["W_enc"] + weights["b_enc"]
    feats = pre.relu()
    if layout == "gemma_scope":
        feats = feats * (pre > 0.3)
    if layout in ("sparsify", "topk"):
        chosen = pre.topk(K, dim=-1)
        feats = torch.zeros_like(pre).scatter(-1, chosen.indices, chosen.values.relu())
    return feats * weights["W_dec"].norm(dim=1), feats @ weights["W_dec"] + weights["b_dec"]


def check_against(layout: str, dictionary: Dictionary, weights: Weights, acts: torch.Tensor) -> None:
    expected, rebuilt = by_hand(layout, weights, acts)
    found = dictionary.encode(acts)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(dictionary.decode(found), rebuilt, rtol=1e-4, atol=1e-4)
    directions = weights["W_dec"] / weights["W_dec"].norm(dim=1, keepdim=True)
    torch.testing.assert_close(dictionary.directions, directions)
    # What is not in the biases is the sum of the features' writing.
    torch.testing.assert_close(found @ dictionary.directions + weights["b_dec"], rebuilt, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("layout", "make"),
    [
        ("sparsify", sparsify_folder),
        ("dictionary_learning", dictionary_learning_folder),
        ("gemma_scope", gemma_scope_folder),
    ],
)
def test_a_local_folder_of_another_library_is_read_as_its_own_formula_says(
    layout: Any,
    make: Callable[[Path, Weights], Path],
    tmp_path: Path,
    weights: Weights,
    stories: SubjectModel,
    acts: torch.Tensor,
) -> None:
    folder = make(tmp_path, weights)

    dictionary = load_sae(SaeSpec(path=str(folder), layout=layout), stories)

    assert ("model.layers.2", WIDTH, FEATURES) == (dictionary.hook, dictionary.width, dictionary.features)
    check_against(layout, dictionary, weights, acts)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("standard", {}), ("topk", {"k": K}), ("topk", {"k": K, "normalize_activations": None})],
)
def test_a_sae_lens_folder_reports_activations_times_decoder_norms(
    architecture: str,
    options: dict[str, Any],
    tmp_path: Path,
    weights: Weights,
    stories: SubjectModel,
    acts: torch.Tensor,
) -> None:
    options = {key: value if value is not None else "none" for key, value in options.items()}
    folder = sae_lens_folder(tmp_path / "sae", weights, architecture, **options)

    dictionary = load_sae(SaeSpec(path=str(folder)), stories)

    assert architecture == dictionary.kind
    check_against(architecture, dictionary, weights, acts)


@pytest.mark.parametrize(
    ("architecture", "more", "options"),
    [
        ("jumprelu", {"threshold": torch.full((FEATURES,), 0.2)}, {}),
        (
            "gated",
            {"b_gate": torch.zeros(FEATURES), "b_mag": torch.zeros(FEATURES), "r_mag": torch.zeros(FEATURES)},
            {},
        ),
        ("topk", {}, {"k": K}),
        ("standard", {}, {"normalize_activations": "layer_norm"}),
    ],
)
def test_encoding_equals_that_of_sae_lens_times_decoder_norms(
    architecture: str,
    more: Weights,
    options: dict[str, Any],
    tmp_path: Path,
    weights: Weights,
    stories: SubjectModel,
    acts: torch.Tensor,
) -> None:
    kept = {name: values for name, values in weights.items() if architecture != "gated" or name != "b_enc"}
    folder = sae_lens_folder(tmp_path / "sae", {**kept, **more}, architecture, **options)
    sae = SAE.load_from_disk(folder)
    expected = sae.encode(acts) * weights["W_dec"].norm(dim=1)

    dictionary = load_sae(SaeSpec(path=str(folder)), stories)

    torch.testing.assert_close(dictionary.encode(acts), expected, rtol=1e-4, atol=1e-5)
    rebuilt = sae.decode(sae.encode(acts))
    torch.testing.assert_close(dictionary.decode(dictionary.encode(acts)), rebuilt, rtol=1e-4, atol=1e-4)


def test_a_topk_sae_that_rescales_by_norms_itself_is_not_rescaled_again(
    tmp_path: Path, weights: Weights, stories: SubjectModel, acts: torch.Tensor
) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "topk", k=K, rescale_acts_by_decoder_norm=True)
    sae = SAE.load_from_disk(folder)

    dictionary = load_sae(SaeSpec(path=str(folder)), stories)

    found = dictionary.encode(acts)
    torch.testing.assert_close(found, sae.encode(acts))
    torch.testing.assert_close(found @ dictionary.directions + weights["b_dec"], sae.decode(sae.encode(acts)))


def test_the_fingerprint_depends_on_weights_config_and_hook_point_only(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    def fingerprint(name: str, changed: Weights, hook: str | None = None, **options: Any) -> str:
        folder = sae_lens_folder(tmp_path / name, {**weights, **changed}, "topk", **{"k": K, **options})
        return load_sae(SaeSpec(path=str(folder), hook=hook), stories).fingerprint

    first = fingerprint("a", {})

    assert first == fingerprint("b", {})
    assert first == fingerprint("same hook", {}, hook="model.layers.2")
    assert 64 == len(first)
    others = [
        fingerprint("c", {"b_enc": weights["b_enc"] + 1e-6}),
        fingerprint("d", {}, k=K + 1),
        fingerprint("e", {}, hook="model.layers.3"),
    ]
    assert 4 == len({first, *others})


def test_the_hook_point_of_the_spec_comes_before_that_of_the_sae(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")

    dictionary = load_sae(SaeSpec(path=str(folder), hook="blocks.3.hook_resid_pre"), stories)

    assert "model.layers.3.input" == dictionary.hook


def test_the_module_path_in_the_metadata_comes_before_the_transformer_lens_name(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")
    config = json.loads((folder / "cfg.json").read_text())
    config["metadata"] |= {"hf_hook_name": "model.layers.4.output"}
    (folder / "cfg.json").write_text(json.dumps(config))

    assert "model.layers.4" == load_sae(SaeSpec(path=str(folder)), stories).hook


def test_an_sae_without_a_hook_point_asks_for_one(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")
    config = json.loads((folder / "cfg.json").read_text())
    del config["metadata"]["hook_name"]
    (folder / "cfg.json").write_text(json.dumps(config))

    with pytest.raises(InvalidModel, match="give its hook point as `hook`"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_a_width_that_does_not_fit_the_hook_point_is_refused(
    tmp_path: Path, weights: Weights, stories: SubjectModel, subject: Planted
) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match=r"reads 64 dimensions, but model\.layers\.2\.mlp\.down_proj\.input .* 172"):
        load_sae(SaeSpec(path=str(folder), hook="blocks.2.mlp.hook_post"), stories)
    with pytest.raises(InvalidModel, match=r"reads 64 dimensions, but model\.layers\.1 of planted has 32"):
        load_sae(SaeSpec(path=str(folder), hook="blocks.1.hook_resid_post"), subject.model)


@pytest.mark.parametrize("layout", ["sae_lens", "sparsify", "dictionary_learning", "gemma_scope"])
def test_a_missing_or_empty_folder_is_refused(layout: Any, tmp_path: Path, stories: SubjectModel) -> None:
    empty = tmp_path / "gemma-scope-2b-pt-res" / "layers.2"
    empty.mkdir(parents=True)

    with pytest.raises(InvalidModel, match="no SAE folder"):
        load_sae(SaeSpec(path=str(tmp_path / "nothing"), layout=layout), stories)
    with pytest.raises(InvalidModel, match="cannot load the SAE"):
        load_sae(SaeSpec(path=str(empty), layout=layout), stories)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    weights["W_dec"][3, 4] = float("nan")
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match="NaN or infinity in W_dec"):
        load_sae(SaeSpec(path=str(folder)), stories)


@pytest.mark.parametrize("content", ["{", "{}", '{"architecture": "no-such", "d_in": 64, "d_sae": 96}'])
def test_a_broken_config_is_refused(content: str, tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")
    (folder / "cfg.json").write_text(content)

    with pytest.raises(InvalidModel, match="cannot load the SAE"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_missing_weights_are_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    del weights["b_enc"]
    folder = sae_lens_folder(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match=r"cannot load the SAE .*b_enc"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_a_sparsify_transcoder_is_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = sparsify_folder(tmp_path, weights)
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps({**config, "transcode": True}))

    with pytest.raises(InvalidModel, match="'transcode'"):
        load_sae(SaeSpec(path=str(folder), layout="sparsify"), stories)


def test_a_gemma_scope_path_must_name_its_repository(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = gemma_scope_folder(tmp_path / "a", weights)
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)

    with pytest.raises(InvalidModel, match="gemma-scope-2b-pt-res/layer_20"):
        load_sae(SaeSpec(path=str(moved), layout="gemma_scope"), stories)


def test_a_release_must_say_which_sae(stories: SubjectModel) -> None:
    with pytest.raises(InvalidModel, match=r"gpt2-small-res-jb with `sae_id`; it has blocks\.0\.hook_resid_pre"):
        load_sae(SaeSpec(release="gpt2-small-res-jb"), stories)


def test_a_release_that_cannot_be_had_is_refused(stories: SubjectModel) -> None:
    with pytest.raises(InvalidModel, match="there is no folder nobody/nothing-here,"):
        load_sae(SaeSpec(release="nobody/nothing-here", sae_id="x"), stories)
