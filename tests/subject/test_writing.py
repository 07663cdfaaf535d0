from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from autointerp.domain.steering import Change, Mode
from autointerp.subject import model as subject_model
from autointerp.subject.baselines import sae_of
from autointerp.subject.bases import Basis
from autointerp.subject.changing import changed
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted
from autointerp.subject.quiet import unwarned
from autointerp.subject.sae import Dictionary, wrap
from autointerp.subject.writing import residual_directions

TOKENS = torch.arange(3, 12)[None]


@pytest.fixture(scope="module")
def gpt2(subject: Planted) -> SubjectModel:
    """A GPT-2 with random weights, whose projections hold their weights the other way round."""
    torch.manual_seed(0)
    tokenizer: Any = subject.model.tokenizer
    module = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2))
    return subject_model.wrap(module, tokenizer, name="gpt2", revision=None, dtype="float32", device="cpu")


def random_at(model: SubjectModel, hook: str) -> Dictionary:
    """Random directions at a hook point."""
    width = model.read(TOKENS, [hook])[hook].shape[-1]
    drawn = torch.nn.functional.normalize(torch.randn(6, width, generator=torch.Generator().manual_seed(1)).double())
    basis = Basis(torch.zeros(width).double().numpy(), drawn.T.numpy(), drawn.numpy())
    return wrap(sae_of(basis, k=2, both_signs=False), model, hook=hook, name="random", source={})


@pytest.mark.parametrize(
    ("site", "out"),
    [
        ("mlp.hook_post", "hook_mlp_out"),
        ("attn.hook_z", "hook_attn_out"),
        ("hook_mlp_out", "hook_mlp_out"),
        ("hook_resid_post", "hook_resid_post"),
    ],
)
@pytest.mark.parametrize("which", ["gpt2", "llama"])
def test_a_feature_writes_to_the_residual_stream_what_the_model_makes_of_its_direction(
    which: str, site: str, out: str, request: pytest.FixtureRequest
) -> None:
    model: SubjectModel = request.getfixturevalue("gpt2" if which == "gpt2" else "stories")
    dictionary = random_at(model, f"blocks.1.{site}")
    place = model.resolve(f"blocks.1.{out}")
    before = model.read(TOKENS, [place])[place].clone()

    written = residual_directions(dictionary, model)

    for feature in range(3):
        with changed(model, dictionary, [Change(feature=feature, mode=Mode.ADD, strength=2.0)], last=TOKENS.shape[1]):
            after = model.read(TOKENS, [place])[place].clone()
        expected = (2.0 * written[feature]).expand_as(before)
        torch.testing.assert_close(after - before, expected, rtol=1e-3, atol=1e-4)


def test_features_that_write_elsewhere_write_nothing(stories: SubjectModel) -> None:
    dictionary = random_at(stories, "blocks.1.mlp.hook_pre")

    assert (6, 0) == residual_directions(dictionary, stories).shape


def test_a_transcoder_writes_where_its_decoder_says(stories: SubjectModel, tmp_path: Path) -> None:
    with unwarned():
        from sae_lens import Transcoder, TranscoderConfig

    sae = Transcoder(TranscoderConfig(d_in=64, d_out=64, d_sae=5, apply_b_dec_to_input=False))

    dictionary = wrap(sae, stories, hook="blocks.1.attn.hook_z", name="transcoder", source={})

    assert torch.equal(residual_directions(dictionary, stories), dictionary.directions)
