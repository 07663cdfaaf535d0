"""The planted subject's weights, all set by hand: its tokenizer, its model and its SAE.

The residual stream holds the concept of the current word, the concept of the word before it (written by an attention
head that looks back one place), a constant, and a filler that gives every embedding the same norm. A word's intensity
lies between 0.7 and 1, so that activations vary. The unembedding reads the concept, so that adding a feature's
direction makes the words of its concept likely.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from autointerp.hashing import stable_int
from autointerp.subject import planted_words as words
from autointerp.subject.quiet import unwarned

if TYPE_CHECKING:
    from sae_lens import SAE

BOS, UNKNOWN, STOP = "<s>", "<unk>", "."
CONTEXT = 128
WIDTH = 32
HOOK = "model.layers.0"

CONCEPTS = tuple(words.CONCEPTS)
BEFORE = len(CONCEPTS)  # where the concept of the word before begins
CONSTANT, FILLER = WIDTH - 2, WIDTH - 1
NORM = 8.0
CONSTANT_SIZE = 4.0
SHARPNESS = 40.0  # attention to the word before outweighs every other place by e^27
ROPE_BASE = 10_000.0
FREQUENT = 1.0  # nats by which function words are likelier


def build_tokenizer(known: Sequence[str] = words.WORDS) -> PreTrainedTokenizerFast:
    """Return a tokenizer of whole words, each with the space before it, and the full stop."""
    table = [BOS, UNKNOWN, STOP, *(f"▁{word}" for word in known)]
    tokenizer = Tokenizer(models.WordLevel({token: n for n, token in enumerate(table)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [pre_tokenizers.Split(Regex(r"\."), "isolated"), pre_tokenizers.Metaspace(prepend_scheme="first")]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")  # pyright: ignore[reportAttributeAccessIssue]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        unk_token=UNKNOWN,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return the model, all of its weights set by hand: two layers, of which only the first attention head works."""
    rows = len(tokenizer)
    config = LlamaConfig(
        vocab_size=rows,
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=None,
    )
    module = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, values in module.named_parameters():
            values.fill_(1.0 if "norm" in name else 0.0)
        table = [str(tokenizer.convert_ids_to_tokens(row)) for row in range(rows)]
        embeddings = torch.stack([_embedding(token) for token in table])
        module.get_input_embeddings().weight.copy_(embeddings)  # pyright: ignore[reportCallIssue, reportArgumentType]
        module.lm_head.weight.copy_(_unembedding(table))
        _look_back(module)
    return module


def build_sae() -> "SAE[Any]":
    """Return the SAE: ReLU features that read a concept, two concepts, or a pair of neighbours."""
    with unwarned():
        # sae-lens takes many seconds to import.
        from sae_lens import StandardSAE, StandardSAEConfig

    sae = StandardSAE(StandardSAEConfig(d_in=WIDTH, d_sae=words.FEATURES, apply_b_dec_to_input=False))
    encoder, decoder = torch.zeros(WIDTH, words.FEATURES), torch.zeros(words.FEATURES, WIDTH)
    bias = torch.zeros(words.FEATURES)
    for feature, meaning in words.MEANINGS.items():
        for concept in words.CLAIMED.get(meaning, ()):
            encoder[CONCEPTS.index(concept), feature] = 1.0
            decoder[feature, CONCEPTS.index(concept)] = 1.0
    counted = next(k for k, meaning in words.MEANINGS.items() if meaning == words.COUNTED)
    for place in (CONCEPTS.index("animals"), BEFORE + CONCEPTS.index("numbers")):
        encoder[place, counted] = decoder[counted, place] = 1.0
    # Both intensities are at least 0.7 and at most 1: their sum is above 1.05 only where both words are there.
    bias[counted] = -1.05
    decoder[words.DEAD, FILLER] = 1.0
    bias[words.DEAD] = -1.0
    decoder /= decoder.norm(dim=1, keepdim=True)
    sae.load_state_dict({"W_enc": encoder, "b_enc": bias, "W_dec": decoder, "b_dec": torch.zeros(WIDTH)})
    sae.cfg.metadata.hook_name = HOOK
    sae.cfg.metadata.model_name = "planted"
    return sae


def _embedding(token: str) -> Float[Tensor, "width"]:
    """The concept of a word at its intensity, the constant, and the filler that makes up the norm."""
    vector = torch.zeros(WIDTH)
    concept = words.CONCEPT_OF.get(token.removeprefix("▁"))
    if concept is not None:
        vector[CONCEPTS.index(concept)] = 0.7 + 0.3 * stable_int("intensity", token) / 2**63
    vector[CONSTANT] = CONSTANT_SIZE
    vector[FILLER] = (NORM**2 - float(vector.square().sum())) ** 0.5
    return vector


def _unembedding(table: list[str]) -> Float[Tensor, "vocab width"]:
    """Logits: the concept in the stream, and more for function words; nothing but words is ever likely."""
    weight = torch.zeros(len(table), WIDTH)
    per_nat = NORM / (CONSTANT_SIZE * math.sqrt(WIDTH))  # the final norm scales the stream to norm sqrt(WIDTH)
    for row, token in enumerate(table):
        concept = words.CONCEPT_OF.get(token.removeprefix("▁"))
        if concept is None:
            weight[row, CONSTANT] = -10 * per_nat
        else:
            weight[row, CONCEPTS.index(concept)] = 1.0
            weight[row, CONSTANT] = FREQUENT * per_nat if concept == "function" else 0.0
    return weight


def _look_back(module: LlamaForCausalLM) -> None:
    """Make the first attention head copy the concept of the word before.

    Query and key are the same at every place but for their rotation; the query is turned by one place, so that the
    score SHARPNESS · Σ cos(frequency · (distance − 1)) is highest at distance 1.
    """
    attention: Any = module.model.layers[0].self_attn
    half = WIDTH // 2
    turn = ROPE_BASE ** (-torch.arange(half) / half)
    size = (SHARPNESS * math.sqrt(WIDTH)) ** 0.5 * NORM / (CONSTANT_SIZE * math.sqrt(WIDTH))
    attention.k_proj.weight[:half, CONSTANT] = size
    attention.q_proj.weight[:half, CONSTANT] = size * turn.cos()
    attention.q_proj.weight[half:, CONSTANT] = -size * turn.sin()
    for concept in range(len(CONCEPTS)):
        attention.v_proj.weight[concept, concept] = NORM / math.sqrt(WIDTH)
        attention.o_proj.weight[BEFORE + concept, concept] = 1.0
