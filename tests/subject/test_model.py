import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch._inductor import config as inductor
from torch._inductor.utils import fresh_cache
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel

from autointerp.domain.specs import SubjectSpec
from autointerp.errors import InvalidModel
from autointerp.subject.model import SubjectModel, load_model, wrap
from autointerp.subject.planted import Planted


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.randint(3, 512, (3, 40), generator=torch.Generator().manual_seed(0))


def copied(model: Path, to: Path) -> Path:
    shutil.copytree(model, to, copy_function=shutil.copyfile)
    return to


def test_a_pretrained_model_says_what_it_is(stories: SubjectModel) -> None:
    assert (64, 5, 512) == (stories.width, stories.layers, stories.max_context)
    assert 512 == len(stories.vocabulary.tokens)
    assert frozenset({0, 1, 2}) == stories.vocabulary.special


def test_reading_equals_the_hidden_states_of_the_whole_forward_pass(
    stories: SubjectModel, tokens: torch.Tensor
) -> None:
    hidden = stories.module(tokens, output_hidden_states=True).hidden_states

    found = stories.read(tokens, ["model.layers.3", "model.layers.0", "blocks.2.hook_resid_pre", "hook_embed"])

    assert torch.equal(hidden[4], found["model.layers.3"])
    assert torch.equal(hidden[1], found["model.layers.0"])
    assert torch.equal(hidden[2], found["blocks.2.hook_resid_pre"])
    assert torch.equal(hidden[0], found["hook_embed"])


def test_the_stream_between_attention_and_mlp_adds_up(stories: SubjectModel, tokens: torch.Tensor) -> None:
    at = [f"blocks.1.hook_{name}" for name in ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")]

    before, attention, middle, mlp, after = stories.read(tokens, at).values()

    torch.testing.assert_close(middle, before + attention)
    torch.testing.assert_close(after, middle + mlp)


def test_the_input_of_the_last_projection_is_what_it_multiplies(stories: SubjectModel, tokens: torch.Tensor) -> None:
    found = stories.read(tokens, ["blocks.1.mlp.hook_post", "blocks.1.hook_mlp_out"])

    projection = stories.module.get_submodule("model.layers.1.mlp.down_proj")
    torch.testing.assert_close(projection(found["blocks.1.mlp.hook_post"]), found["blocks.1.hook_mlp_out"])
    assert 172 == found["blocks.1.mlp.hook_post"].shape[-1]


def test_nothing_is_computed_behind_the_deepest_hook_point(stories: SubjectModel, tokens: torch.Tensor) -> None:
    ran: list[str] = []
    handles = [
        stories.module.get_submodule(path).register_forward_pre_hook(lambda *_, path=path: ran.append(path))
        for path in ("model.layers.1", "model.layers.2", "model.layers.3", "model.norm", "lm_head")
    ]

    stories.read(tokens, ["model.layers.0", "model.layers.2"])
    for handle in handles:
        handle.remove()

    assert ["model.layers.1", "model.layers.2"] == ran


def test_reading_leaves_no_hooks_behind(stories: SubjectModel, tokens: torch.Tensor) -> None:
    def hooked() -> list[int]:
        return [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in stories.module.modules()]

    before = hooked()

    stories.read(tokens, ["model.layers.2", "blocks.1.hook_resid_pre"])

    assert before == hooked()


def test_a_hook_point_that_is_never_reached_is_refused(stories: SubjectModel, tokens: torch.Tensor) -> None:
    with pytest.raises(InvalidModel, match=r"never reaches the hook point 'model\.layers'"):
        stories.read(tokens, ["model.layers"])


def test_the_unembedding_holds_the_final_norm(stories: SubjectModel, tokens: torch.Tensor) -> None:
    stream = stories.read(tokens, ["model.layers.4"])["model.layers.4"]
    logits = stories.module(tokens).logits

    scale = stream.square().mean(-1, keepdim=True).add(1e-5).sqrt()

    torch.testing.assert_close(logits, stream / scale @ stories.unembedding().T, rtol=1e-4, atol=1e-4)


def test_the_unembedding_subtracts_the_mean_where_the_norm_does(subject: Planted) -> None:
    torch.manual_seed(0)
    module = GPT2LMHeadModel(GPT2Config(vocab_size=200, n_embd=16, n_layer=2, n_head=2, n_positions=32))
    torch.nn.init.normal_(module.transformer.ln_f.weight)
    model = wrap(module, subject.model.tokenizer, name="m", revision=None, dtype="float32", device="cpu")
    tokens = torch.arange(12)[None]
    stream = model.read(tokens, ["transformer.h.1"])["transformer.h.1"]

    scale = stream.var(-1, keepdim=True, correction=0).add(1e-5).sqrt()

    torch.testing.assert_close(module(tokens).logits, stream / scale @ model.unembedding().T, rtol=1e-4, atol=1e-4)


def test_the_unembedding_knows_norms_that_store_their_gain_minus_one(subject: Planted) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 200, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 16}
    config = Gemma2Config(
        **sizes, num_attention_heads=2, num_key_value_heads=2, head_dim=8, final_logit_softcapping=None
    )
    module = Gemma2ForCausalLM(config)
    torch.nn.init.normal_(module.model.norm.weight)
    model = wrap(module, subject.model.tokenizer, name="m", revision=None, dtype="float32", device="cpu")

    gain = (1 + module.model.norm.weight).detach()

    torch.testing.assert_close(model.unembedding(), module.lm_head.weight.detach() * gain, rtol=1e-4, atol=1e-5)


def test_a_dtype_is_respected(shared: Path, tokens: torch.Tensor) -> None:
    model = load_model(SubjectSpec(model=str(shared / "models" / "stories260K"), dtype="bfloat16"))

    found = model.read(tokens, ["model.layers.2"])["model.layers.2"]

    assert torch.bfloat16 == found.dtype
    assert torch.float32 == model.unembedding().dtype


def test_a_missing_folder_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidModel, match="no model folder /nowhere/at/all"):
        load_model(SubjectSpec(model="/nowhere/at/all"))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"has no config\.json"):
        load_model(SubjectSpec(model=str(tmp_path)))


def test_an_id_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(InvalidModel, match="there is no folder nobody/nothing-here,"):
        load_model(SubjectSpec(model="nobody/nothing-here"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(shared: Path, tmp_path: Path, value: float) -> None:
    folder = copied(shared / "models" / "stories260K", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.2.mlp.up_proj.weight"][3, 5] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(InvalidModel, match=r"NaN or infinity in model\.layers\.2\.mlp\.up_proj\.weight"):
        load_model(SubjectSpec(model=str(folder)))


def test_missing_weights_are_refused_and_not_made_up(shared: Path, tmp_path: Path) -> None:
    folder = copied(shared / "models" / "stories260K", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.2.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(InvalidModel, match=r"incomplete: model\.layers\.2\.mlp\.up_proj\.weight is missing"):
        load_model(SubjectSpec(model=str(folder)))


@pytest.mark.parametrize("content", ["{", "{}", json.dumps({"model_type": "no-such-model"})])
def test_a_broken_config_is_refused(shared: Path, tmp_path: Path, content: str) -> None:
    folder = copied(shared / "models" / "stories260K", tmp_path / "model")
    (folder / "config.json").write_text(content)

    with pytest.raises(InvalidModel, match="cannot load the model"):
        load_model(SubjectSpec(model=str(folder)))


def test_damaged_weights_are_refused(shared: Path, tmp_path: Path) -> None:
    folder = copied(shared / "models" / "stories260K", tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"not safetensors at all")

    with pytest.raises(InvalidModel, match="cannot load the model"):
        load_model(SubjectSpec(model=str(folder)))


def test_a_missing_tokenizer_is_refused(shared: Path, tmp_path: Path) -> None:
    folder = copied(shared / "models" / "stories260K", tmp_path / "model")
    for file in folder.glob("tokenizer*"):
        file.unlink()

    with pytest.raises(InvalidModel, match="tokenizer"):
        load_model(SubjectSpec(model=str(folder)))


def test_a_tokenizer_larger_than_the_model_is_refused(stories: SubjectModel) -> None:
    module = GPT2LMHeadModel(GPT2Config(vocab_size=100, n_embd=16, n_layer=1, n_head=2))

    with pytest.raises(InvalidModel, match="beyond the model's 100 embeddings"):
        wrap(module, stories.tokenizer, name="m", revision=None, dtype="float32", device="cpu")


# What torch's own compiler imports.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("compiler", ["no-such-compiler", "g++"])
def test_compiled_layers_read_the_same_or_say_what_is_missing(subject: Planted, compiler: str) -> None:
    model, hook, tokens = subject.model, subject.dictionary.hook, torch.ones(2, 8, dtype=torch.long)
    plain = model.read(tokens, [hook])[hook]

    with fresh_cache(), inductor.patch({"cpp.cxx": (None, compiler)}):
        if shutil.which(compiler):
            with model.compiled():
                torch.testing.assert_close(model.read(tokens, [hook])[hook], plain, rtol=1e-4, atol=1e-5)
        else:
            with pytest.raises(InvalidModel, match=r"install a C\+\+ compiler"), model.compiled():
                model.read(tokens, [hook])
    assert torch.equal(plain, model.read(tokens, [hook])[hook])
