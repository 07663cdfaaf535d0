"""Blanks are found among the tokens of a text, and a label that is no token of its own there is told plainly."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from autointerp import demo
from autointerp.domain.likelihood import Cloze
from autointerp.domain.specs import SubjectSpec
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.scorers._reading import LABELS, blanked
from autointerp.subject.boundary import cutter
from autointerp.subject.cloze import CutCloze, cut_clozes
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.planted import Planted

LIBRARY = PromptLibrary.load(default_folder())
# How tokenizers split text into the words that tokens never leave.
WORDS_OF = {
    "GPT-2": r"'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "GPT-4, Llama 3": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "Qwen": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
TAB, BREAK = "ĉ", "Ċ"  # as byte-level tokenizers write them
COMMON = [("?", BREAK), ('"', TAB), ("1", "0"), ('"', BREAK)]


@pytest.fixture(scope="module")
def bundled() -> SubjectModel:
    return replace(load_model(SubjectSpec(model=str(demo.MODEL))), max_context=100_000)


def byte_level(
    merges: Sequence[tuple[str, str]], *, words: str | None = None, normalizer: normalizers.Normalizer | None = None
) -> PreTrainedTokenizerFast:
    names = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    made = Tokenizer(models.BPE({name: n for n, name in enumerate(names)}, list(merges)))
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    split = [pre_tokenizers.Split(Regex(words), "isolated")] if words else []
    made.pre_tokenizer = pre_tokenizers.Sequence([*split, *steps])
    if normalizer is not None:
        made.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=made)


def of_prompt(explanation: str, pieces: Sequence[str]) -> Cloze:
    values = {"explanation": explanation, "pieces": list(pieces)}
    return blanked(LIBRARY.render("scorers/simulation_echo", values), len(pieces))


def cut(model: SubjectModel, cloze: Cloze, labels: Sequence[str] = LABELS) -> CutCloze:
    return cut_clozes(cutter(model), [cloze], labels)[0]


ODD = [" The", "\n", "\t\t", "?", '"', " 10", "", "\\", "é", " end\n", "f(", "7", "日"]


@pytest.mark.parametrize("name", WORDS_OF)
def test_every_mark_begins_a_token_and_every_digit_is_one_however_text_is_split(
    bundled: SubjectModel, name: str
) -> None:
    model = replace(bundled, tokenizer=byte_level(COMMON, words=WORDS_OF[name]))
    spelled = model.tokenizer.convert_ids_to_tokens

    found = cut(model, of_prompt("x\t9?", ODD))

    assert len(ODD) == len(found.places) == len(found.labels)
    for place, labels in zip(found.places, found.labels, strict=True):
        assert spelled(found.ids[place - 1]).endswith(TAB)
        assert spelled(found.ids[place]).startswith("?")
        assert list(LABELS) == spelled(list(labels))
    assert len(found.ids) == found.places[-1] + 1


def test_a_tokenizer_of_the_sentencepiece_kind_does_it_too(stories: SubjectModel) -> None:
    model = replace(stories, max_context=100_000)

    found = cut(model, of_prompt("Names.", ODD))

    spelled = [model.tokenizer.decode([token]) for token in found.ids]
    assert ["?"] * len(ODD) == [spelled[place] for place in found.places]
    assert {LABELS} == {tuple(model.tokenizer.decode([token]) for token in labels) for labels in found.labels}


nasty = st.lists(
    st.text(st.sampled_from('«»"\\\n\r\t\u2028\x85{}?%<>|[]/ 09') | st.characters(), max_size=6), min_size=1, max_size=6
)


@given(explanation=st.text(max_size=20), pieces=nasty)
@settings(max_examples=60)
def test_no_token_or_explanation_moves_a_blank(bundled: SubjectModel, explanation: str, pieces: list[str]) -> None:
    found = cut(bundled, of_prompt(explanation, pieces))

    spelled = bundled.tokenizer.convert_ids_to_tokens
    assert [(TAB, "?")] * len(pieces) == [
        (spelled(found.ids[p - 1])[-1], spelled(found.ids[p])[0]) for p in found.places
    ]
    assert {LABELS} == {tuple(spelled(list(labels))) for labels in found.labels}


@pytest.mark.parametrize(
    ("tokenizer", "torn"),
    [
        (byte_level([(TAB, "?")]), r"'\?'"),
        (byte_level([(TAB, "7")]), "'7'"),
        (byte_level([("7", BREAK)]), "'7'"),
        (byte_level([], normalizer=normalizers.Replace("7", "VII")), "'7'"),
    ],
)
def test_a_label_that_is_joined_or_split_is_told_with_the_place(
    bundled: SubjectModel, tokenizer: PreTrainedTokenizerFast, torn: str
) -> None:
    with pytest.raises(InvalidModel, match=rf"joins {torn} with other text, splits it or does not know it, so that"):
        cut(replace(bundled, tokenizer=tokenizer), of_prompt("x", [" a", " b"]))


def test_a_label_that_the_tokenizer_does_not_know_is_told_too(subject: Planted) -> None:
    known = Cloze("the dog sees", (" a", " and the"), " cat")

    assert [2] == [len(labels) for labels in cut(subject.model, known, (" dog", " bread")).labels]
    with pytest.raises(InvalidModel, match="' unicorn' with other text, splits it or does not know it"):
        cut(subject.model, known, (" dog", " unicorn"))


def test_the_prefix_gives_way_and_the_text_never_does(bundled: SubjectModel) -> None:
    whole = cut(bundled, of_prompt("x", [" a", " b"]))
    short = cut(replace(bundled, max_context=64), of_prompt("x", [" a", " b"]))

    assert 64 == len(short.ids) < len(whole.ids)
    assert short.ids[0] == whole.ids[0] == bundled.tokenizer.bos_token_id
    assert short.ids[1:] == whole.ids[-63:]
    assert [len(whole.ids) - place for place in whole.places] == [64 - place for place in short.places]
    with pytest.raises(InvalidSpec, match="whose context has 16; use shorter texts, or another model"):
        cut(replace(bundled, max_context=16), of_prompt("x", [" a", " b"]))


def test_a_text_that_opens_with_a_blank_needs_a_bos_token(bundled: SubjectModel) -> None:
    bare = replace(bundled, tokenizer=byte_level([]))

    assert (1,) == cut(bundled, Cloze("", ("", " x"), "?")).places
    assert (1,) == cut(bare, Cloze("", ("a", " x"), "?")).places
    with pytest.raises(InvalidSpec, match="cannot be read"):
        cut(bare, Cloze("", ("", " x"), "?"))


def test_half_a_surrogate_pair_is_read_as_a_question_mark(bundled: SubjectModel) -> None:
    assert cut(bundled, Cloze("a\ud83d\n", ("b\ude00\t", ""), "?")) == cut(bundled, Cloze("a?\n", ("b?\t", ""), "?"))
