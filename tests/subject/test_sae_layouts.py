import json
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary, load_sae
from tests.subject import sae_folders as made
from tests.subject.sae_folders import FEATURES, WIDTH, Formula, Weights, centred, jump, plain, relu, strongest

RESIDUAL, READ_BY_MLP = "model.layers.2", "model.layers.2.post_attention_layernorm"
Maker = Callable[[Path, Weights], Path]
dictionaries = partial(partial, made.dictionary_learning)


def scaled(weights: Weights, acts: Tensor) -> Tensor:
    """Llama Scope's: the threshold is one of the activations as they are, before they are scaled."""
    factor = WIDTH**0.5 / 16
    pre = (acts * factor) @ weights["W_enc"] + weights["b_enc"]
    return pre.relu() * (pre > made.THRESHOLD * factor) / factor


CASES: dict[str, tuple[str, Maker, str, Formula]] = {
    "sae_lens": ("sae_lens", lambda at, w: made.sae_lens(at / "sae", w, "standard"), RESIDUAL, centred(relu)),
    "sparsify": ("sparsify", made.sparsify, RESIDUAL, centred(strongest)),
    "relu": ("dictionary_learning", made.dictionary_learning, RESIDUAL, centred(relu)),
    "topk": ("dictionary_learning", dictionaries(dict_class="AutoEncoderTopK", k=made.K), RESIDUAL, centred(strongest)),
    "batchtopk": ("dictionary_learning", dictionaries(dict_class="BatchTopKSAE", k=made.K), RESIDUAL, centred(jump)),
    "matryoshka": (
        "dictionary_learning",
        dictionaries(dict_class="MatryoshkaBatchTopKSAE", k=made.K),
        RESIDUAL,
        centred(jump),
    ),
    "jumprelu": ("dictionary_learning", dictionaries(dict_class="JumpReluAutoEncoder"), RESIDUAL, plain(jump)),
    "gated": ("dictionary_learning", dictionaries(dict_class="GatedAutoEncoder"), RESIDUAL, made.gated),
    "gemma_scope": ("gemma_scope", made.gemma_scope, RESIDUAL, plain(jump)),
    "gemma_scope transcoder": (
        "gemma_scope",
        partial(made.gemma_scope, repo="gemma-scope-2b-pt-transcoders"),
        READ_BY_MLP,
        plain(jump),
    ),
    "gemma_scope 2": ("gemma_scope", made.gemma_scope_2, RESIDUAL, plain(jump)),
    "gemma_scope 2 transcoder": (
        "gemma_scope",
        partial(made.gemma_scope_2, site="transcoder"),
        READ_BY_MLP,
        plain(jump),
    ),
    "llama_scope": ("llama_scope", made.llama_scope, RESIDUAL, scaled),
    "transcoder": ("transcoder", made.transcoder, "model.layers.2.mlp.input", plain(relu)),
    "hook_z": ("hook_z", made.hook_z, "model.layers.2.self_attn.o_proj.input", centred(relu)),
    "qwen_scope": ("qwen_scope", made.qwen_scope, RESIDUAL, plain(strongest)),
}
LAYOUTS = ("sae_lens", "sparsify", "dictionary_learning", "gemma_scope", "llama_scope", "transcoder", "hook_z")


@pytest.fixture(scope="module")
def acts(stories: SubjectModel) -> Tensor:
    tokens = torch.randint(3, 512, (4, 32), generator=torch.Generator().manual_seed(1))
    return stories.read(tokens, [RESIDUAL])[RESIDUAL].clone()


def load(path: Path, layout: str, model: SubjectModel) -> Dictionary:
    return load_sae(SaeSpec.model_validate({"path": str(path), "layout": layout}), model, pickles=True)


@pytest.mark.parametrize("case", CASES)
def test_a_folder_is_read_as_the_formula_of_its_own_library_says(
    case: str, tmp_path: Path, weights: Weights, stories: SubjectModel, acts: Tensor
) -> None:
    layout, make, hook, formula = CASES[case]
    expected = formula(weights, acts)

    dictionary = load(make(tmp_path, weights), layout, stories)

    norms = weights["W_dec"].norm(dim=1, keepdim=True)
    found = dictionary.encode(acts)
    assert (hook, WIDTH, FEATURES) == (dictionary.hook, dictionary.width, dictionary.features)
    assert (expected > 0).any()
    torch.testing.assert_close(found, expected * norms.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(dictionary.directions, weights["W_dec"] / norms)
    # What is not in the bias is the sum of what the features write.
    bias = dictionary.sae.b_dec
    torch.testing.assert_close(dictionary.decode(found), found @ dictionary.directions + bias, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dictionary.decode(found) - bias, expected @ weights["W_dec"], rtol=1e-4, atol=1e-4)
    assert dictionary.steerable == ("transcoder" not in case)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_are_taken_as_they_are(
    dtype: torch.dtype, tmp_path: Path, weights: Weights, stories: SubjectModel, acts: Tensor
) -> None:
    rounded = {name: values.to(dtype).float() for name, values in weights.items()}

    dictionary = load(made.sparsify(tmp_path, weights, dtype=dtype), "sparsify", stories)

    expected = centred(strongest)(rounded, acts) * rounded["W_dec"].norm(dim=1)
    torch.testing.assert_close(dictionary.encode(acts), expected, rtol=1e-4, atol=1e-5)


def test_a_square_decoder_of_sparsify_is_not_turned(tmp_path: Path, stories: SubjectModel, acts: Tensor) -> None:
    draw = torch.Generator().manual_seed(3)
    shapes = {"W_enc": (WIDTH, WIDTH), "b_enc": (WIDTH,), "W_dec": (WIDTH, WIDTH), "b_dec": (WIDTH,)}
    square = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    folder = made.sparsify(tmp_path, square)
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps({**config, "num_latents": WIDTH}))

    dictionary = load(folder, "sparsify", stories)

    torch.testing.assert_close(dictionary.directions, square["W_dec"] / square["W_dec"].norm(dim=1, keepdim=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_missing_or_empty_folder_is_refused(layout: str, tmp_path: Path, stories: SubjectModel) -> None:
    empty = tmp_path / "gemma-scope-2b-pt-res" / "layers.2"
    empty.mkdir(parents=True)

    with pytest.raises(InvalidModel, match="no SAE folder"):
        load(tmp_path / "nothing", layout, stories)
    with pytest.raises(InvalidModel, match=r"cannot load the SAE|give the path of the file"):
        load(empty, layout, stories)


def refusal(path: Path, layout: str, model: SubjectModel) -> str | None:
    """Why an SAE is not read; None where it is, and then it can encode."""
    try:
        dictionary = load(path, layout, model)
    except InvalidModel as error:
        return error.detail
    assert (1, FEATURES) == dictionary.encode(torch.ones(1, WIDTH)).shape
    return None


# numpy leaves an archive that it cannot read open.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", CASES)
def test_a_damaged_file_is_refused_in_one_sentence(
    case: str, tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    """Each file is cut off, made empty, filled with noise, and changed somewhere; what still loads has to encode."""
    layout, make, _, _ = CASES[case]
    path = make(tmp_path, weights)
    chance = random.Random(0)
    refusals: list[str] = []
    for file in sorted(found for found in tmp_path.rglob("*") if found.is_file()):
        whole = file.read_bytes()
        at = chance.randrange(len(whole))
        for content in (whole[:at], b"", chance.randbytes(len(whole)), whole[:at] + b"\xff\x00" + whole[at:]):
            file.write_bytes(content)
            refusals += [said for said in [refusal(path, layout, stories)] if said is not None]
        file.write_bytes(whole)

    assert len(refusals) >= 3
    assert not [said for said in refusals if "\n" in said]


@pytest.mark.parametrize("name", ["W_enc", "b_enc", "W_dec", "b_dec"])
@pytest.mark.parametrize("case", ["sae_lens", "sparsify", "gemma_scope", "transcoder", "qwen_scope"])
def test_weights_of_a_wrong_shape_are_refused(
    case: str, name: str, tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    layout, make, _, _ = CASES[case]
    weights[name] = torch.cat([weights[name], weights[name][:1]])

    with pytest.raises(InvalidModel, match=r"cannot load the SAE|reads 65 dimensions|cannot encode"):
        load(make(tmp_path, weights), layout, stories)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"transcode": True}, "'transcode'"), ({"activation": "groupmax"}, "'groupmax'"), ({"signed": True}, "'signed'")],
)
def test_what_sparsify_has_beside_plain_topk_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = made.sparsify(tmp_path, weights)
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(config | change))

    with pytest.raises(InvalidModel, match=message):
        load(folder, "sparsify", stories)


def test_a_dictionary_of_an_unknown_class_is_refused(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    folder = made.dictionary_learning(tmp_path, weights, "AutoEncoderNew")

    with pytest.raises(InvalidModel, match="of the class 'AutoEncoderNew'; only AutoEncoder, "):
        load(folder, "dictionary_learning", stories)


def test_a_dictionary_that_does_not_read_the_residual_stream_asks_for_its_hook_point(
    tmp_path: Path, weights: Weights, stories: SubjectModel
) -> None:
    folder = made.dictionary_learning(tmp_path, weights, submodule_name="mlp_out_layer_2")

    with pytest.raises(InvalidModel, match="give its hook point as `hook`"):
        load(folder, "dictionary_learning", stories)
    spec = SaeSpec(path=str(folder), layout="dictionary_learning", hook="blocks.2.hook_mlp_out")
    assert "model.layers.2.mlp" == load_sae(spec, stories, pickles=True).hook


def test_a_gemma_scope_path_must_name_its_repository(tmp_path: Path, weights: Weights, stories: SubjectModel) -> None:
    shutil.copytree(made.gemma_scope(tmp_path / "a", weights), tmp_path / "moved")

    with pytest.raises(InvalidModel, match="gemma-scope-2b-pt-res/layer_20"):
        load(tmp_path / "moved", "gemma_scope", stories)
