"""A text's tokens are those that begin at or after its boundary with the prefix."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from autointerp.domain.likelihood import Continuation
from autointerp.errors import InvalidSpec
from autointerp.subject.boundary import Cut, cutter
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted
from autointerp.subject.vocabulary import read_vocabulary

ANY = st.text(st.sampled_from(" \n\t.,'\"aZé日😀<|>s0\u0301") | st.characters(), max_size=20)
SOME = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def gpt2(stories: SubjectModel, shared: Path) -> SubjectModel:
    """A model whose tokenizer is byte-level."""
    tokenizer = AutoTokenizer.from_pretrained(str(shared / "tokenizers" / "gpt2"))
    vocabulary = read_vocabulary(tokenizer, size=len(tokenizer))
    return replace(stories, tokenizer=tokenizer, vocabulary=vocabulary, max_context=1024)


cutting = cache(cutter)


def cut(model: SubjectModel, prefix: str, text: str) -> Cut:
    return cutting(model)([Continuation(prefix, text)])[0]


def shown(model: SubjectModel, prefix: str, text: str) -> list[str]:
    found = cut(model, prefix, text)
    return [model.vocabulary.piece(token) for token in found.ids[found.before :]]


@pytest.mark.parametrize(
    ("prefix", "text", "tokens"),
    [
        ("Passage:\n", " the red horse", [" the", " red", " horse"]),
        ("Passage:\n", "horse", ["horse"]),
        ("Passage:", " the", [" the"]),
        ("Passage: ", "the", []),  # " the" begins before the boundary
        (" un", "happy dogs", [" dogs"]),  # "happy" is torn out of a longer token
        ("Text", "", []),
    ],
)
def test_a_token_across_the_boundary_is_the_prefix_s(
    gpt2: SubjectModel, prefix: str, text: str, tokens: list[str]
) -> None:
    assert tokens == shown(gpt2, prefix, text)


@SOME
@given(prefix=ANY, text=ANY)
def test_all_tokens_are_those_of_the_whole_and_only_the_last_of_the_prefix_may_reach_into_the_text(
    gpt2: SubjectModel, prefix: str, text: str
) -> None:
    whole, boundary = (prefix + text).encode("utf-8", "replace"), len(prefix.encode("utf-8", "replace"))
    found = cut(gpt2, prefix, text)

    spelled = [gpt2.vocabulary.tokens[token] for token in found.ids[1:]]  # without BOS
    assert whole == b"".join(spelled)
    own = spelled[: found.before - 1]
    assert len(b"".join(own)) >= boundary
    assert not own or len(b"".join(own[:-1])) < boundary


def test_texts_are_read_after_a_bos_token_and_name_special_tokens_as_text(subject: Planted) -> None:
    bos = subject.model.tokenizer.bos_token_id
    found = cut(subject.model, "the dog", " sees <s> a cat")

    assert found.ids[0] == bos
    assert bos not in found.ids[1:]


def test_where_there_is_no_bos_token_a_text_needs_a_prefix(gpt2: SubjectModel) -> None:
    tokenizer = AutoTokenizer.from_pretrained(gpt2.tokenizer.name_or_path)
    tokenizer.bos_token = None
    bare = replace(gpt2, tokenizer=tokenizer)

    assert 1 == cut(bare, "a", " b").before
    with pytest.raises(InvalidSpec, match="cannot be read"):
        cut(bare, "", "b")


def test_a_prefix_that_does_not_fit_is_cut_at_its_front_and_a_text_never(subject: Planted) -> None:
    model = subject.model
    long = cut(model, "the dog sees" + " the dog sees" * 60, " a cat likes bread")

    assert (model.max_context, model.max_context - 4) == (len(long.ids), long.before)
    assert long.ids[0] == model.tokenizer.bos_token_id
    assert long.ids[1:] == cut(model, "the dog sees" + " the dog sees" * 40, " a cat likes bread").ids[-127:]
    with pytest.raises(InvalidSpec, match="a text of 240 tokens after a prefix of 1 cannot be read by planted"):
        cut(model, "the", " dog sees a" * 80)


def test_half_a_surrogate_pair_is_read_as_a_question_mark(gpt2: SubjectModel) -> None:
    assert cut(gpt2, "a\ud83d\n", "b\ude00") == cut(gpt2, "a?\n", "b?")
