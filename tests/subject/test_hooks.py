import pytest
from torch import nn
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from autointerp.errors import InvalidModel
from autointerp.subject import hooks

SIZES = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
MODELS: dict[str, nn.Module] = {
    "llama": LlamaForCausalLM(LlamaConfig(**SIZES, num_key_value_heads=2)),
    "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=3, n_head=2)),
    "neox": GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES)),
    "gemma2": Gemma2ForCausalLM(Gemma2Config(**SIZES, num_key_value_heads=2, head_dim=4)),
}


@pytest.mark.parametrize(
    ("model", "name", "expected"),
    [
        ("llama", "blocks.1.hook_resid_post", "model.layers.1"),
        ("llama", "blocks.1.hook_resid_pre", "model.layers.1.input"),
        ("llama", "blocks.1.hook_resid_mid", "model.layers.1.post_attention_layernorm.input"),
        ("llama", "blocks.1.hook_attn_out", "model.layers.1.self_attn"),
        ("llama", "blocks.1.hook_mlp_out", "model.layers.1.mlp"),
        ("llama", "blocks.1.mlp.hook_post", "model.layers.1.mlp.down_proj.input"),
        ("llama", "blocks.1.mlp.hook_pre", "model.layers.1.mlp.gate_proj"),
        ("llama", "blocks.1.attn.hook_z", "model.layers.1.self_attn.o_proj.input"),
        ("llama", "blocks.1.mlp.hook_in", "model.layers.1.mlp.input"),
        ("llama", "blocks.1.ln1.hook_normalized", "model.layers.1.input_layernorm"),
        ("llama", "blocks.1.ln2.hook_normalized", "model.layers.1.post_attention_layernorm"),
        ("llama", "hook_embed", "model.embed_tokens"),
        ("gpt2", "blocks.2.hook_resid_post", "transformer.h.2"),
        ("gpt2", "blocks.2.hook_resid_mid", "transformer.h.2.ln_2.input"),
        ("gpt2", "blocks.2.hook_attn_out", "transformer.h.2.attn"),
        ("gpt2", "blocks.2.mlp.hook_post", "transformer.h.2.mlp.c_proj.input"),
        ("gpt2", "blocks.2.mlp.hook_pre", "transformer.h.2.mlp.c_fc"),
        ("gpt2", "blocks.2.attn.hook_z", "transformer.h.2.attn.c_proj.input"),
        ("gpt2", "blocks.2.mlp.hook_in", "transformer.h.2.mlp.input"),
        ("gpt2", "blocks.2.ln2.hook_normalized", "transformer.h.2.ln_2"),
        ("gpt2", "hook_embed", "transformer.wte"),
        ("neox", "blocks.0.hook_resid_post", "gpt_neox.layers.0"),
        ("neox", "blocks.0.hook_attn_out", "gpt_neox.layers.0.attention"),
        ("neox", "blocks.0.hook_mlp_out", "gpt_neox.layers.0.mlp"),
        ("neox", "blocks.0.mlp.hook_post", "gpt_neox.layers.0.mlp.dense_4h_to_h.input"),
        ("gemma2", "blocks.0.hook_resid_mid", "model.layers.0.pre_feedforward_layernorm.input"),
        ("gemma2", "blocks.0.hook_attn_out", "model.layers.0.post_attention_layernorm"),
        ("gemma2", "blocks.0.hook_mlp_out", "model.layers.0.post_feedforward_layernorm"),
        ("gemma2", "blocks.0.ln2.hook_normalized", "model.layers.0.pre_feedforward_layernorm"),
        ("gemma2", "blocks.0.mlp.hook_post", "model.layers.0.mlp.down_proj.input"),
    ],
)
def test_a_transformer_lens_name_is_translated_for_every_layout(model: str, name: str, expected: str) -> None:
    assert expected == hooks.resolve(MODELS[model], name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.layers.1", "model.layers.1"),
        ("model.layers.1.output", "model.layers.1"),
        ("model.layers.1.input", "model.layers.1.input"),
        ("layers.1.mlp", "model.layers.1.mlp"),
        ("layers.1.mlp.input", "model.layers.1.mlp.input"),
    ],
)
def test_a_module_path_names_its_output_unless_it_says_input(name: str, expected: str) -> None:
    assert expected == hooks.resolve(MODELS["llama"], name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("blocks.3.hook_resid_post", "blocks.N.hook_resid_post"),
        ("blocks.0.hook_mlp", "blocks.N.hook_mlp_in"),
        ("model.layers.7", "model.layers.N"),
        ("model.layers.0.mlp.downproj", "model.layers.N.mlp.down_proj"),
        ("model.layers.9.mlp.input", "model.layers.N.mlp"),
        ("embed", "hook_embed"),
    ],
)
def test_an_unknown_hook_point_is_refused_with_the_eight_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InvalidModel, match="for layers N from 0 to 2") as caught:
        hooks.resolve(MODELS["llama"], name)

    listed = str(caught.value).partition("the nearest are ")[2].partition(", for layers")[0].split(", ")
    assert nearest in listed
    assert 8 == len(listed)


@pytest.mark.parametrize("name", ["", "mlp", "nonsense"])
def test_a_name_that_is_near_to_nothing_is_refused_in_the_same_way(name: str) -> None:
    with pytest.raises(InvalidModel, match=r"the nearest are .*for layers N from 0 to 2"):
        hooks.resolve(MODELS["llama"], name)


def test_a_model_whose_attention_and_mlp_run_in_parallel_has_no_stream_between_them() -> None:
    with pytest.raises(InvalidModel, match="no hook point"):
        hooks.resolve(MODELS["neox"], "blocks.0.hook_resid_mid")


def test_every_hook_point_that_is_listed_can_be_resolved() -> None:
    for model in MODELS.values():
        points = hooks.hook_points(model)

        assert list(points) == [hooks.resolve(model, point) for point in points]
