import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.corpus import Corpus, open_corpus
from autointerp.subject.model import SubjectModel
from autointerp.subject.parts import Part, in_parts
from autointerp.subject.planted import Planted
from autointerp.subject.tokenising import encoder, tokenise

TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}{% endfor %}"
CHAT = [{"role": "user", "content": "Hi there"}, {"role": "assistant", "content": "Hello"}]


def corpus_of(
    folder: Path, rows: list[dict[str, Any]], model: SubjectModel, *, tokens: int = 99, **options: Any
) -> Corpus:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = CorpusSpec(kind="jsonl", path=str(path), **options)
    return open_corpus(spec, model, context=options.pop("context", 16), tokens=tokens)


def chatting(model: SubjectModel) -> SubjectModel:
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer.chat_template = TEMPLATE
    return dataclasses.replace(model, tokenizer=tokenizer)


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_texts_become_the_ids_that_the_tokenizer_itself_gives(subject: Planted, texts: list[str]) -> None:
    parts = [Part(n, "d", text, first=True, last=True) for n, text in enumerate(texts)]

    found = [ids.tolist() for _, ids in tokenise(parts, encoder(subject.model, "text").encode)]

    tokenizer = subject.model.tokenizer
    assert found == tokenizer(texts, add_special_tokens=False, split_special_tokens=True).input_ids


def test_a_tokenizer_written_in_python_is_asked_itself(subject: Planted) -> None:
    class Slow:
        """What this module needs of a tokenizer without a backend in another language."""

        def __init__(self, fast: PreTrainedTokenizerBase) -> None:
            self._fast = fast

        def __call__(self, text: str, add_special_tokens: bool) -> Any:
            return self._fast(text, add_special_tokens=add_special_tokens)

        def get_vocab(self) -> dict[str, int]:
            return self._fast.get_vocab()

    slow = dataclasses.replace(subject.model, tokenizer=Slow(subject.model.tokenizer))  # type: ignore[arg-type]
    parts = list(in_parts([("a", "the dog runs."), ("b", "the cat")]))

    (first, second) = (encoder(model, "text").encode(parts) for model in (slow, subject.model))

    assert [ids.tolist() for ids in first] == [ids.tolist() for ids in second]


def test_the_model_s_own_tokenizer_is_left_as_it_is(stories: SubjectModel) -> None:
    parts = list(in_parts([("a", "</s>")]))
    before = stories.tokenizer("</s>").input_ids

    encoder(stories, "text").encode(parts)

    assert before == stories.tokenizer("</s>").input_ids


def test_half_a_surrogate_pair_is_read_as_the_sign_for_what_is_no_character(stories: SubjectModel) -> None:
    encode = encoder(stories, "text").encode

    found = encode(list(in_parts([("a", "a dog \ud800 ran"), ("b", "home \U0001f415")])))

    wanted = encode(list(in_parts([("a", "a dog \N{REPLACEMENT CHARACTER} ran"), ("b", "home \U0001f415")])))
    assert [ids.tolist() for ids in wanted] == [ids.tolist() for ids in found]


def test_chats_go_through_the_template_with_one_bos_token(stories: SubjectModel, tmp_path: Path) -> None:
    model = chatting(stories)

    corpus = corpus_of(tmp_path, [{"messages": CHAT}], model, content="chat", tokens=512)

    rows = corpus.block(0, 9)
    wanted = model.tokenizer.apply_chat_template(CHAT, tokenize=True, return_dict=False)
    assert wanted[:16] == rows.tokens[0].tolist()
    eos = model.tokenizer.eos_token_id
    assert 2 == int((rows.tokens[rows.present] == eos).sum())
    assert not rows.valid[rows.tokens == eos].any()


def test_a_tokenizer_without_a_template_is_refused_in_one_sentence(stories: SubjectModel, tmp_path: Path) -> None:
    with pytest.raises(InvalidCorpus, match="has no chat template; use a chat model, or render the texts"):
        corpus_of(tmp_path, [{"messages": CHAT}], stories, content="chat")


def test_a_chat_that_the_template_refuses_is_named(stories: SubjectModel, tmp_path: Path) -> None:
    model = chatting(stories)
    model.tokenizer.chat_template = "{{ raise_exception('no system role') }}"

    with pytest.raises(InvalidCorpus, match=r"the chat template refuses a\.jsonl:1: no system role"):
        corpus_of(tmp_path, [{"messages": CHAT}], model, content="chat")


def test_ids_that_are_given_become_rows_unchanged(subject: Planted, tmp_path: Path) -> None:
    rows = [{"input_ids": [5, 6, 7]}, {"input_ids": list(range(20))}, {"input_ids": [8]}]

    packed = corpus_of(tmp_path, rows, subject.model, content="tokens").block(0, 9)
    split = corpus_of(tmp_path, rows, subject.model, content="tokens", layout="rows").block(0, 9)
    cut = corpus_of(tmp_path, rows, subject.model, content="tokens", layout="rows", long="cut").block(0, 9)

    assert [5, 6, 7, *range(20), 8] == packed.tokens[packed.present].tolist()
    assert [3, 16, 4, 1] == split.present.sum(axis=1).tolist()
    assert [3, 16, 1] == cut.present.sum(axis=1).tolist()
    assert list(range(16)) == cut.tokens[1].tolist()
    with pytest.raises(InvalidCorpus, match=r"a\.jsonl:2 is longer than the context of 16 tokens"):
        corpus_of(tmp_path, rows, subject.model, content="tokens", layout="rows", long="refuse")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([1, 10_000_000], r"a\.jsonl:1 holds the token id 10000000, and the model's vocabulary has \d+ tokens"),
        ([1, -1], "holds the token id -1"),
        ([1, 2.5], "are no whole numbers"),
        ([1, "a"], "are no whole numbers"),
        ([[1], [2]], "are no whole numbers"),
        ([True], "are no whole numbers"),
        ([2**70], "are no whole numbers"),
        ([1, None], "are no whole numbers"),
    ],
)
def test_ids_of_another_vocabulary_are_refused(subject: Planted, tmp_path: Path, ids: list[Any], said: str) -> None:
    with pytest.raises(InvalidCorpus, match=said):
        corpus_of(tmp_path, [{"input_ids": ids}], subject.model, content="tokens")


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.text(alphabet="ab \n", max_size=40), min_size=1, max_size=4), longest=st.integers(1, 9))
def test_parts_are_short_and_make_up_the_text(
    texts: list[str], longest: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts = list(in_parts([(f"d{n}", text) for n, text in enumerate(texts)], longest=longest))

    assert list(range(len(parts))) == [part.number for part in parts]
    for n, text in enumerate(texts):
        mine = [part for part in parts if part.document == f"d{n}"]
        path = tmp_path_factory.mktemp("text") / "a.txt"
        path.write_text(text)
        of_file = list(in_parts([("a", path)], longest=longest))
        assert text == "".join(part.content for part in mine)
        assert [part.content for part in mine] == [part.content for part in of_file]
        assert ([True] + [False] * (len(mine) - 1)) == [part.first for part in mine]
        assert ([False] * (len(mine) - 1) + [True]) == [part.last for part in mine]
        assert all(len(part.content) <= longest for part in mine)
        assert all(part.content[-1] in " \n" or len(part.content) == longest for part in mine[:-1])
