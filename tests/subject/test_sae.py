import json
from pathlib import Path
from typing import Any

import pytest

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted
from autointerp.subject.sae import load_sae
from tests.subject.sae_folders import K, Weights, sae_lens


def test_the_fingerprint_depends_on_weights_config_and_hook_point_only(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    def fingerprint(name: str, changed: Weights, hook: str | None = None, **options: Any) -> str:
        folder = sae_lens(tmp_path / name, {**weights, **changed}, "topk", **{"k": K, **options})
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
    folder = sae_lens(tmp_path / "sae", weights, "standard")

    dictionary = load_sae(SaeSpec(path=str(folder), hook="blocks.3.hook_resid_pre"), stories)

    assert "model.layers.3.input" == dictionary.hook


def test_the_module_path_in_the_metadata_comes_before_the_transformer_lens_name(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "standard")
    config = json.loads((folder / "cfg.json").read_text())
    config["metadata"] |= {"hf_hook_name": "model.layers.4.output"}
    (folder / "cfg.json").write_text(json.dumps(config))

    assert "model.layers.4" == load_sae(SaeSpec(path=str(folder)), stories).hook


def test_an_sae_without_a_hook_point_asks_for_one(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "standard")
    config = json.loads((folder / "cfg.json").read_text())
    del config["metadata"]["hook_name"]
    (folder / "cfg.json").write_text(json.dumps(config))

    with pytest.raises(InvalidModel, match="give its hook point as `hook`"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_a_width_that_does_not_fit_the_hook_point_is_refused(
    tmp_path: Path, weights: Weights, stories: SubjectModel, subject: Planted
) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match=r"reads 64 dimensions, but model\.layers\.2\.mlp\.down_proj\.input .* 172"):
        load_sae(SaeSpec(path=str(folder), hook="blocks.2.mlp.hook_post"), stories)
    with pytest.raises(InvalidModel, match=r"reads 64 dimensions, but model\.layers\.1 of planted has 32"):
        load_sae(SaeSpec(path=str(folder), hook="blocks.1.hook_resid_post"), subject.model)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    weights["W_dec"][3, 4] = float("nan")
    folder = sae_lens(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match="NaN or infinity in W_dec"):
        load_sae(SaeSpec(path=str(folder)), stories)


@pytest.mark.parametrize("content", ["{", "{}", '{"architecture": "no-such", "d_in": 64, "d_sae": 96}'])
def test_a_broken_config_is_refused(content: str, tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "standard")
    (folder / "cfg.json").write_text(content)

    with pytest.raises(InvalidModel, match="cannot load the SAE"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_missing_weights_are_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    del weights["b_enc"]
    folder = sae_lens(tmp_path / "sae", weights, "standard")

    with pytest.raises(InvalidModel, match=r"cannot load the SAE .*b_enc"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_a_release_must_say_which_sae(stories: SubjectModel) -> None:
    with pytest.raises(InvalidModel, match=r"gpt2-small-res-jb with `sae_id`; it has blocks\.0\.hook_resid_pre"):
        load_sae(SaeSpec(release="gpt2-small-res-jb"), stories)


def test_a_release_that_cannot_be_had_is_refused(stories: SubjectModel) -> None:
    with pytest.raises(InvalidModel, match="there is no folder nobody/nothing-here,"):
        load_sae(SaeSpec(release="nobody/nothing-here", sae_id="x"), stories)


def test_a_baseline_is_not_loaded_before_it_is_fitted(stories: SubjectModel) -> None:
    with pytest.raises(InvalidModel, match="fit it with `autointerp baseline`"):
        load_sae(SaeSpec.model_validate({"baseline": "pca", "hook": "model.layers.2"}), stories)


def test_more_features_at_a_token_than_there_are_is_refused(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "topk", k=97)

    with pytest.raises(InvalidModel, match="cannot encode: selected index k out of range"):
        load_sae(SaeSpec(path=str(folder)), stories)


def test_a_kind_that_only_the_metadata_claim_is_not_believed(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = sae_lens(tmp_path / "sae", weights, "topk", k=K)
    config = json.loads((folder / "cfg.json").read_text())
    config["metadata"]["kind"] = ["anything"]
    (folder / "cfg.json").write_text(json.dumps(config))

    assert "topk" == load_sae(SaeSpec(path=str(folder)), stories).kind
