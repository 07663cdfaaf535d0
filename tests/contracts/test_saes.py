"""Every architecture that sae-lens knows is read as sae-lens reads it, or refused in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.subject.encoding import fired
from autointerp.subject.planted import planted
from autointerp.subject.quiet import unwarned
from autointerp.subject.sae import Dictionary, load_sae

with unwarned():
    from sae_lens import SAE
    from sae_lens.registry import SAE_CLASS_REGISTRY, SAE_TRAINING_CLASS_REGISTRY

MODEL = planted().model
WIDTH, FEATURES, K = MODEL.width, 48, 5
HOOK = "model.layers.0"
REFUSED = ("temporal",)
BOTH_SIGNS = ("abstopk",)
READ = tuple(name for name in SAE_CLASS_REGISTRY if name not in (*REFUSED, *BOTH_SIGNS))
TRAINED = tuple(SAE_TRAINING_CLASS_REGISTRY)
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"apply_b_dec_to_input": False},
    {"normalize_activations": "expected_average_only_in"},
    {"normalize_activations": "constant_norm_rescale"},
    {"normalize_activations": "layer_norm"},
    {"normalize_activations": "covariance_whitening"},
    {"dtype": "bfloat16"},
)
# Small whole numbers among the rest, so that pre-activations are often equal; never zero everywhere, which a norm
# cannot be divided by.
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-50, 50, width=32))
TOKENS = arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 4), st.just(WIDTH)), elements=NUMBERS).map(
    lambda found: torch.from_numpy(np.where(np.abs(found).sum(-1, keepdims=True) < 1, np.eye(WIDTH)[0], found)).float()
)
EXAMPLES = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def options_of(architecture: str, variant: dict[str, Any]) -> dict[str, Any]:
    found = {"d_in": WIDTH, "d_sae": FEATURES, **variant}
    if "transcoder" in architecture:
        found |= {"d_out": WIDTH, "apply_b_dec_to_input": False}
    if architecture in ("topk", "abstopk", "batchtopk", "matryoshka_batchtopk"):
        found["k"] = K
    if architecture == "matryoshka_batchtopk":
        found["matryoshka_widths"] = [16, FEATURES]
    return found


def randomise(sae: Any) -> Any:
    """Give an SAE weights with decoder rows of very different norms, and some features twice, which tie."""
    draw = torch.Generator().manual_seed(7)
    for name, values in sae.named_parameters():
        fresh = torch.randn(values.shape, generator=draw)
        fresh *= torch.linspace(0.3, 2, FEATURES)[:, None] if name == "W_dec" else 0.4
        if name == "threshold":
            fresh = fresh.abs()
        if name == "W_dec":
            fresh[3] = fresh[9]
        if name == "W_enc":
            fresh[:, 3] = fresh[:, 9]
        if values.shape[0] == FEATURES and values.ndim == 1:
            fresh[3] = fresh[9]
        values.data = fresh.to(values.dtype)
    sae.cfg.metadata.hook_name = HOOK
    return sae


def made(architecture: str, folder: Path, **variant: Any) -> Path:
    """Save an SAE in sae-lens's own layout."""
    kind, config = SAE_CLASS_REGISTRY[architecture]
    with unwarned():
        randomise(kind(config(**options_of(architecture, variant)))).save_model(folder)
    return folder


def reference(folder: Path) -> Any:
    with unwarned():
        return SAE.load_from_disk(folder, dtype="float32")


@contextmanager
def both(architecture: str, folder: Path, **variant: Any) -> Iterator[tuple[Dictionary, Any]]:
    """The same SAE read by autointerp and by sae-lens."""
    made(architecture, folder, **variant)
    with torch.no_grad():
        yield load_sae(SaeSpec(path=str(folder)), MODEL), reference(folder)


def norms(sae: Any) -> Tensor:
    return 1 if getattr(sae.cfg, "rescale_acts_by_decoder_norm", False) else sae.W_dec.norm(dim=1)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda found: "-".join(map(str, found.values())) or "plain")
@pytest.mark.parametrize("architecture", READ)
def test_encoding_is_to_the_bit_that_of_sae_lens_times_decoder_norms(
    architecture: str, variant: dict[str, Any], tmp_path: Path
) -> None:

    with both(architecture, tmp_path, **variant) as (dictionary, sae):

        @EXAMPLES
        @given(tokens=TOKENS)
        def agree(tokens: Tensor) -> None:
            found = dictionary.encode(tokens)

            assert torch.equal(found, sae.encode(tokens) * norms(sae))
            assert (found >= 0).all()

        agree()
        assert (architecture, FEATURES) == (dictionary.kind, dictionary.features)


@pytest.mark.parametrize("architecture", READ)
def test_the_harvest_sees_the_same_activations(architecture: str, tmp_path: Path) -> None:
    with both(architecture, tmp_path) as (dictionary, sae):
        tokens = torch.randn(150, WIDTH, generator=torch.Generator().manual_seed(6)) * 3

        found = fired(dictionary, tokens)

        dense = torch.zeros(150, FEATURES)
        dense[torch.from_numpy(found.place).long(), torch.from_numpy(found.feature).long()] = torch.from_numpy(
            found.value
        )
        assert torch.equal(dense, sae.encode(tokens) * norms(sae))


@pytest.mark.parametrize("architecture", READ)
def test_decoding_is_that_of_sae_lens(architecture: str, tmp_path: Path) -> None:
    with both(architecture, tmp_path) as (dictionary, sae):
        tokens = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(1))

        rebuilt = dictionary.decode(dictionary.encode(tokens))

        torch.testing.assert_close(rebuilt, sae.decode(sae.encode(tokens)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rescaled", [False, True])
def test_a_feature_that_fires_in_both_directions_is_two(rescaled: bool, tmp_path: Path) -> None:
    with both("abstopk", tmp_path, rescale_acts_by_decoder_norm=rescaled) as (dictionary, sae):
        tokens = torch.randn(3, 20, WIDTH, generator=torch.Generator().manual_seed(2)) * 3

        found = dictionary.encode(tokens)

        assert (2 * FEATURES, "abstopk") == (dictionary.features, dictionary.kind)
        assert (found >= 0).all()
        # Features 3 and 9 are one and the same, so which of the two is chosen is left open.
        alone = [i for i in range(FEATURES) if i not in (3, 9)]
        signed = (found[..., :FEATURES] - found[..., FEATURES:])[..., alone]
        torch.testing.assert_close(signed, (sae.encode(tokens) * norms(sae))[..., alone], rtol=1e-6, atol=0)
        rebuilt = sae.decode(sae.encode(tokens))
        torch.testing.assert_close(dictionary.decode(found), rebuilt, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", TRAINED)
def test_a_training_checkpoint_is_read_as_what_it_is_saved_as_in_the_end(architecture: str, tmp_path: Path) -> None:
    kind, config = SAE_TRAINING_CLASS_REGISTRY[architecture]
    with unwarned():
        training = randomise(kind(config(**options_of(architecture, {}))))
        if hasattr(training, "topk_threshold"):
            training.topk_threshold = torch.tensor(1.25, dtype=torch.double)
        training.save_model(tmp_path / "checkpoint")
        training.save_inference_model(tmp_path / "final")

    checkpoint, final = (load_sae(SaeSpec(path=str(tmp_path / name)), MODEL) for name in ("checkpoint", "final"))

    tokens = torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(3))
    assert checkpoint.kind == final.kind
    torch.testing.assert_close(checkpoint.encode(tokens), final.encode(tokens), rtol=1e-5, atol=1e-5)


def test_the_scale_that_a_checkpoint_was_trained_at_is_folded_in(tmp_path: Path) -> None:
    folder = made("standard", tmp_path, normalize_activations="expected_average_only_in", apply_b_dec_to_input=False)
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 0.25}')
    tokens = torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(3))

    dictionary = load_sae(SaeSpec(path=str(folder)), MODEL)

    sae = reference(folder)
    # The features see scaled activations, and what they write is scaled back.
    expected = sae.encode(tokens * 0.25).detach() * sae.W_dec.norm(dim=1) / 0.25
    torch.testing.assert_close(dictionary.encode(tokens), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", REFUSED)
def test_an_architecture_that_reads_more_than_one_token_is_refused(architecture: str, tmp_path: Path) -> None:
    sizes = {"d_in": WIDTH, "d_sae": 64, "n_heads": 1, "kval_topk": K}
    kind, config = SAE_CLASS_REGISTRY[architecture]
    with unwarned():
        sae = kind(config(**sizes))
    sae.cfg.metadata.hook_name = HOOK
    sae.save_model(tmp_path)

    with pytest.raises(InvalidModel, match="is a temporal SAE, whose features also depend on the tokens before"):
        load_sae(SaeSpec(path=str(tmp_path)), MODEL)


@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu", "gated"])
def test_heads_are_read_side_by_side(architecture: str, tmp_path: Path) -> None:
    made(architecture, tmp_path, reshape_activations="hook_z")
    config = (tmp_path / "cfg.json").read_text().replace(HOOK, "blocks.0.attn.hook_z")
    (tmp_path / "cfg.json").write_text(config)
    heads = torch.randn(2, 7, 4, WIDTH // 4, generator=torch.Generator().manual_seed(4))

    dictionary = load_sae(SaeSpec(path=str(tmp_path)), MODEL)

    sae = reference(tmp_path)
    assert "model.layers.0.self_attn.o_proj.input" == dictionary.hook
    assert torch.equal(dictionary.encode(heads.flatten(-2)), sae.encode(heads) * sae.W_dec.norm(dim=1))


def test_an_sae_of_one_head_is_refused(tmp_path: Path) -> None:
    made("standard", tmp_path)
    config = (tmp_path / "cfg.json").read_text().replace('"hook_name"', '"hook_head_index": 2, "hook_name"')
    (tmp_path / "cfg.json").write_text(config)

    with pytest.raises(InvalidModel, match="reads attention head 2 alone"):
        load_sae(SaeSpec(path=str(tmp_path)), MODEL)


@pytest.mark.parametrize(("dtype", "step"), [("bfloat16", 2**-8), ("float16", 2**-11)])
def test_half_precision_weights_are_computed_with_in_float32(dtype: str, step: float, tmp_path: Path) -> None:
    """What sae-lens loses by computing in the weights' own dtype is within its rounding of every product's terms."""
    with both("standard", tmp_path, dtype=dtype) as (dictionary, _):
        own = SAE.load_from_disk(tmp_path)
        tokens = torch.randn(200, WIDTH, generator=torch.Generator().manual_seed(5)) * 4

        lost = (dictionary.encode(tokens) - own.encode(tokens).float() * own.W_dec.float().norm(dim=1)).abs()

        weights = {name: values.float().abs() for name, values in own.state_dict().items()}
        terms = ((tokens.abs() + weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]) * weights["W_dec"].norm(dim=1)
        assert lost.max() > 0
        assert (lost <= 4 * step * terms).all()
