"""The planted subject's weights, set by hand: a Llama of one working layer and four attention heads, and its SAE.

The residual stream holds what the current word is (an atom for each set of words that some feature reads), which of the
sets that conditions name stood one and two words before (two heads that look back), whether the last quotation mark
was an opening one (a head for which nearer marks outweigh farther ones by far), and the document's topic (a head that
looks for the word that names it, however far back). A constant and a filler give every embedding the same norm.
"""

import math
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from autointerp.hashing import stable_int
from autointerp.subject.planted_weights import BOS, STOP, UNKNOWN
from autointerp.subject.quiet import unwarned
from benchmarks.planted.claims import Term
from benchmarks.planted.features import Sort, features
from benchmarks.planted.vocabulary import QUOTES, TOPICS

if TYPE_CHECKING:
    from sae_lens import SAE

CONTEXT = 128
HOOK = "model.layers.0"
HEAD = 64  # dimensions of a head
HEADS = 4
BACK, BACK_TWO, QUOTING, TOPIC = range(HEADS)
NORM = 8.0
CONSTANT_SIZE = 4.0
ROPE_BASE = 10_000.0
WEAKEST = 0.55  # intensities lie between this and 1, so that two of them make more than one can
LOOKS_BACK = 40.0  # attention to the word at the right distance outweighs every other place by e^27
QUOTE_SHARPNESS, QUOTE_FREQUENCY = 2_500.0, 20  # a quotation mark outweighs the one before it by e^5 a word
TOPIC_SHARPNESS = 60.0
FREQUENT = 1.0  # nats by which the words that sentences are built of are likelier

Atom = frozenset[str]


@cache
def atoms() -> tuple[Atom, ...]:
    """The sets of words that features read or promote, and that conditions name, in a fixed order."""
    found: dict[Atom, None] = {}
    for feature in features():
        for term in feature.fires:
            found |= dict.fromkeys(one for one in (term.words, term.after) if one)
        if feature.sort is Sort.OUTPUT:
            found[feature.promotes] = None
    return tuple(found)


@cache
def looked_back_for() -> tuple[tuple[int, Atom], ...]:
    """The sets that conditions name, each with its distance."""
    pairs = ((term.distance, term.after) for feature in features() for term in feature.fires if term.after)
    return tuple(dict.fromkeys(pairs))


def _places() -> tuple[int, int, int, int]:
    """Where in the stream begin: what stood before, the topics, the quotation marks, and what comes behind them."""
    before = len(atoms())
    topics = before + len(looked_back_for())
    marks = topics + len(TOPICS)
    return before, topics, marks, marks + 3


BEFORE, TOPIC_AT, MARKS, _USED = _places()
QUOTED_AT = MARKS + 2  # behind the two marks themselves
TOPIC_WORDS = _USED  # where the words that name topics begin
WIDTH = -(-(_USED + len(TOPICS) + 2) // 8) * 8
CONSTANT, FILLER = WIDTH - 2, WIDTH - 1
SCALE = math.sqrt(WIDTH) / NORM  # what the norm before attention multiplies an embedding with


def build_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return the model, all of its weights set by hand."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=None,
    )
    module = LlamaForCausalLM(config)
    table = [str(tokenizer.convert_ids_to_tokens(row)) for row in range(len(tokenizer))]
    with torch.no_grad():
        for name, values in module.named_parameters():
            values.fill_(1.0 if "norm" in name else 0.0)
        embeddings = torch.stack([_embedding(token) for token in table])
        module.get_input_embeddings().weight.copy_(embeddings)  # pyright: ignore[reportCallIssue, reportArgumentType]
        module.lm_head.weight.copy_(_unembedding(table))
        attention: Any = module.model.layers[0].self_attn
        _look_back(attention, BACK, 1)
        _look_back(attention, BACK_TWO, 2)
        _watch_quotes(attention)
        _watch_topic(attention)
    return module


def build_sae() -> "SAE[Any]":
    """Return the SAE, a ReLU feature for each planted one."""
    with unwarned():
        from sae_lens import StandardSAE, StandardSAEConfig

    planted = features()
    sae = StandardSAE(StandardSAEConfig(d_in=WIDTH, d_sae=len(planted), apply_b_dec_to_input=False))
    encoder, decoder = torch.zeros(WIDTH, len(planted)), torch.zeros(len(planted), WIDTH)
    bias = torch.full((len(planted),), -1.0)
    for index, feature in enumerate(planted):
        conditions = {place for term in feature.fires for place in _conditions(term)}
        for place in {atoms().index(term.words) for term in feature.fires} | conditions:
            encoder[place, index] = 1.0
        if feature.fires:
            bias[index] = -1.05 if conditions else -0.5
        for atom in _promoted(feature.promotes):
            decoder[index, atoms().index(atom)] = 1.0
        if not feature.promotes:
            decoder[index, FILLER] = 1.0
    decoder /= decoder.norm(dim=1, keepdim=True)
    sae.load_state_dict({"W_enc": encoder, "b_enc": bias, "W_dec": decoder, "b_dec": torch.zeros(WIDTH)})
    sae.cfg.metadata.hook_name = HOOK
    sae.cfg.metadata.model_name = "planted kinds"
    return sae


def _conditions(term: Term) -> Iterable[int]:
    if term.after:
        yield BEFORE + looked_back_for().index((term.distance, term.after))
    if term.quoted:
        yield QUOTED_AT
    if term.topic is not None:
        yield TOPIC_AT + TOPICS.index(term.topic)


def _promoted(words: Atom) -> list[Atom]:
    """The atoms that together are these words."""
    if words in atoms():
        return [words]
    return [atom for atom in atoms() if atom < words]


def _embedding(token: str) -> Float[Tensor, "width"]:
    word = token.removeprefix("▁")
    vector = torch.zeros(WIDTH)
    for place, atom in enumerate(atoms()):
        if word in atom:
            vector[place] = WEAKEST + (1 - WEAKEST) * stable_int("intensity", place, word) / 2**63
    if word in QUOTES:
        vector[MARKS + QUOTES.index(word)] = 1.0
    if word in TOPICS:
        vector[TOPIC_WORDS + TOPICS.index(word)] = 1.0
    vector[CONSTANT] = CONSTANT_SIZE
    vector[FILLER] = (NORM**2 - float(vector.square().sum())) ** 0.5
    return vector


def _unembedding(table: list[str]) -> Float[Tensor, "vocab width"]:
    weight = torch.zeros(len(table), WIDTH)
    per_nat = NORM / (CONSTANT_SIZE * math.sqrt(WIDTH))  # the final norm scales the stream to norm sqrt(WIDTH)
    for row, token in enumerate(table):
        word = token.removeprefix("▁")
        held = [place for place, atom in enumerate(atoms()) if word in atom]
        weight[row, held] = 1.0
        if token in (BOS, UNKNOWN, STOP) or word in QUOTES:
            weight[row, CONSTANT] = -10 * per_nat
    return weight


def _look_back(attention: Any, head: int, distance: int) -> None:
    """Make a head copy what stood `distance` words before.

    Query and key are the same at every place but for their rotation; the query is turned by that many places, so that
    the score LOOKS_BACK · mean cos(frequency · (apart - distance)) is highest at that distance.
    """
    half = HEAD // 2
    turn = distance * ROPE_BASE ** (-torch.arange(half) / half)
    size = (LOOKS_BACK * math.sqrt(HEAD)) ** 0.5 / (CONSTANT_SIZE * SCALE)
    first = head * HEAD
    attention.k_proj.weight[first : first + half, CONSTANT] = size
    attention.q_proj.weight[first : first + half, CONSTANT] = size * turn.cos()
    attention.q_proj.weight[first + half : first + HEAD, CONSTANT] = -size * turn.sin()
    wanted = [place for place, (apart, _) in enumerate(looked_back_for()) if apart == distance]
    for slot, place in enumerate(wanted):
        atom = atoms().index(looked_back_for()[place][1])
        _write(attention, first + slot, read=atom, write=BEFORE + place, size=1.0)


def _watch_quotes(attention: Any) -> None:
    """Make a head tell whether the last quotation mark was an opening one (1), a closing one (-1) or none (0)."""
    first = QUOTING * HEAD + QUOTE_FREQUENCY
    _attend(attention, first, [MARKS, MARKS + 1], QUOTE_SHARPNESS, turned=math.pi / 4)
    slot = QUOTING * HEAD
    _write(attention, slot, read=MARKS, write=QUOTED_AT, size=1.0)
    _write(attention, slot, read=MARKS + 1, write=QUOTED_AT, size=-1.0)


def _watch_topic(attention: Any) -> None:
    """Make a head find the word that names the document's topic."""
    slowest = TOPIC * HEAD + HEAD // 2 - 1
    _attend(attention, slowest, range(TOPIC_WORDS, TOPIC_WORDS + len(TOPICS)), TOPIC_SHARPNESS, turned=0.0)
    for topic in range(len(TOPICS)):
        _write(attention, TOPIC * HEAD + topic, read=TOPIC_WORDS + topic, write=TOPIC_AT + topic, size=1.0)


def _attend(attention: Any, row: int, places: Iterable[int], sharpness: float, *, turned: float) -> None:
    """Attend to words that have one of the `places`, by cos(frequency · distance + turned)."""
    size = (sharpness * math.sqrt(HEAD)) ** 0.5
    for place in places:
        attention.k_proj.weight[row, place] = size / SCALE
    attention.q_proj.weight[row, CONSTANT] = size * math.cos(turned) / (CONSTANT_SIZE * SCALE)
    attention.q_proj.weight[row + HEAD // 2, CONSTANT] = size * math.sin(turned) / (CONSTANT_SIZE * SCALE)


def _write(attention: Any, slot: int, *, read: int, write: int, size: float) -> None:
    attention.v_proj.weight[slot, read] = size / SCALE
    attention.o_proj.weight[write, slot] = 1.0
