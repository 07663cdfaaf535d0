import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus, InvalidModel
from autointerp.hashing import stable_int
from autointerp.subject.corpus import FEW_DOCUMENTS, Corpus, open_corpus, pack
from autointerp.subject.model import SubjectModel
from autointerp.subject.packing import Layout
from autointerp.subject.parts import LONGEST, Part
from autointerp.subject.planted import Planted
from autointerp.subject.recipe import Recipe

BOS, EOS, PAD = 0, 1, 2
Documents = list[list[int]]
DOCUMENTS = st.lists(st.lists(st.integers(10, 99), max_size=30), min_size=1, max_size=12).filter(any)


def given_ids(parts: Sequence[Part]) -> list[np.ndarray]:
    return [np.array(part.content, dtype=np.int32) for part in parts]


def laid_out(documents: Documents, *, context: int, tokens: int = 10_000, rows: int = 4, alone: bool = False) -> Corpus:
    recipe = Recipe(
        name="given",
        read=lambda: [(f"d{n}", ids) for n, ids in enumerate(documents)],
        check=lambda: None,
        encode=given_ids,
        layout=Layout(context, BOS, None, PAD, (BOS, EOS, PAD), alone, "split"),
        tokens=tokens,
        piece_rows=rows,
    )
    return Corpus(recipe, fingerprint="", folder=None).open()


def distinct(corpus: Corpus) -> set[int]:
    return {document for some in corpus.documents() for document in some.tolist()}


@settings(deadline=None, max_examples=50)
@given(documents=DOCUMENTS, context=st.integers(2, 12), rows=st.integers(1, 5))
def test_every_token_of_every_document_is_there_in_order(documents: Documents, context: int, rows: int) -> None:
    corpus = laid_out(documents, context=context, rows=rows)

    read = corpus.block(0, 10_000)
    assert [t for ids in documents for t in ids] == read.tokens[read.valid].tolist()
    assert (corpus.rows, corpus.tokens) == (len(read.tokens), int(read.present.sum()))
    assert corpus.tokens == corpus.known_tokens


@settings(deadline=None, max_examples=50)
@given(
    documents=DOCUMENTS,
    context=st.integers(2, 8),
    rows=st.integers(1, 5),
    first=st.integers(0, 9),
    count=st.integers(0, 9),
    alone=st.booleans(),
)
def test_a_block_is_a_part_of_the_whole_whatever_the_pieces(
    documents: Documents, context: int, rows: int, first: int, count: int, alone: bool
) -> None:
    whole = laid_out(documents, context=context, rows=1000, alone=alone).block(0, 1000)

    block = laid_out(documents, context=context, rows=rows, alone=alone).block(first, count)

    assert first == block.first
    for name in ("tokens", "documents", "present", "valid"):
        assert np.array_equal(getattr(whole, name)[first : first + count], getattr(block, name))


def test_a_text_corpus_reads_back_as_its_texts(subject: Planted) -> None:
    corpus = subject.corpus(context=32, tokens=3_000)

    rows = corpus.block(0, corpus.rows)
    assert len(distinct(corpus)) >= FEW_DOCUMENTS
    name, text = subject.documents[0]
    ids = rows.tokens[(rows.documents == stable_int(name)) & rows.valid]
    assert f" {text}" == "".join(subject.model.vocabulary.render(ids.tolist()))


def test_in_a_corpus_of_few_documents_each_row_s_piece_of_one_counts_as_a_document(subject: Planted) -> None:
    first, second = (" ".join(text for _, text in subject.documents[n::2]) for n in range(2))

    corpus = pack([("a", first), ("b", second)], subject.model, context=32, tokens=100_000)

    rows = corpus.block(0, corpus.rows)
    alone = pack([("a", first)], subject.model, context=32, tokens=100_000)
    assert corpus.rows + 1 == len(distinct(corpus))
    assert [1] * alone.rows == [len(set(row.tolist())) for row in alone.block(0, alone.rows).documents]
    border = alone.tokens // 32
    assert rows.documents[border, alone.tokens % 32 - 1] != rows.documents[border, alone.tokens % 32]
    assert rows.documents[:border].tolist() == alone.block(0, border).documents.tolist()


@pytest.mark.parametrize(("documents", "whole"), [(FEW_DOCUMENTS - 1, False), (FEW_DOCUMENTS, True)])
def test_from_fifty_documents_on_a_document_stays_whole(subject: Planted, documents: int, whole: bool) -> None:
    corpus = pack(subject.documents[:documents], subject.model, context=4, tokens=10_000)

    assert whole == (len(distinct(corpus)) == documents)


def test_documents_of_one_id_are_one_document(subject: Planted) -> None:
    same = [("a", text) for _, text in subject.documents]

    corpus = pack(same, subject.model, context=32, tokens=10_000)

    assert corpus.rows == len(distinct(corpus))


def test_the_names_of_special_tokens_in_a_text_are_text(stories: SubjectModel) -> None:
    corpus = pack([("a", "say <s> and </s> twice")], stories, context=64, tokens=64)

    rows = corpus.block(0, 1)
    assert [1] == rows.tokens[rows.present & ~rows.valid].tolist()
    assert " say <s> and </s> twice" == "".join(stories.vocabulary.render(rows.tokens[rows.valid].tolist()))


def test_a_long_document_is_read_no_further_than_the_budget_needs(stories: SubjectModel, tmp_path: Path) -> None:
    text = "Once upon a time there was a dog. " * 100_000
    (tmp_path / "long.txt").write_text(text + "\N{PILE OF POO}" * 1000)
    with (tmp_path / "long.txt").open("ab") as file:
        file.write(b"\xff this is no UTF-8, and is never read")

    corpus = open_corpus(CorpusSpec(kind="text", path=str(tmp_path / "long.txt")), stories, context=16, tokens=100)

    assert len(text) > 10 * LONGEST
    assert 100 == corpus.tokens


def test_a_corpus_in_parts_reads_back_as_its_text(stories: SubjectModel, tmp_path: Path) -> None:
    text = "".join(f"{n} little dogs ran home.\n" for n in range(LONGEST // 20))
    (tmp_path / "long.txt").write_text(text)

    corpus = open_corpus(CorpusSpec(kind="text", path=str(tmp_path)), stories, context=512, tokens=1_000_000)

    rows = corpus.block(0, corpus.rows)
    read = "".join(stories.vocabulary.render(rows.tokens[rows.valid].tolist()))
    # Where a text is cut, this tokenizer puts a space before the part, as before any text.
    assert f" {text}".replace("\n ", "\n") == read.replace("\n ", "\n")
    assert len(text) > LONGEST


def test_the_fingerprint_is_that_of_the_source_and_of_all_that_lays_it_out(
    subject: Planted, stories: SubjectModel, tmp_path: Path
) -> None:
    def fingerprint(
        text: str, name: str = "a.txt", model: SubjectModel = subject.model, context: int = 8, tokens: int = 100
    ) -> str:
        path = tmp_path / name
        path.write_text(text)
        return open_corpus(CorpusSpec(kind="text", path=str(path)), model, context=context, tokens=tokens).fingerprint

    first = fingerprint("the dog runs.")
    others = [
        fingerprint("the dog walks."),
        fingerprint("the dog runs.", name="b.txt"),
        fingerprint("the dog runs.", model=stories),
        fingerprint("the dog runs.", context=4),
        fingerprint("the dog runs.", tokens=6),
    ]

    assert first == fingerprint("the dog runs.")
    assert 6 == len({first, *others})


def test_a_corpus_that_moved_is_the_same_corpus(subject: Planted, tmp_path: Path) -> None:
    fingerprints: set[str] = set()
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.jsonl").write_text('{"text": "the dog runs."}\n')
        spec = CorpusSpec(kind="jsonl", path=str(tmp_path / place))
        fingerprints.add(open_corpus(spec, subject.model, context=8, tokens=9).fingerprint)

    assert 1 == len(fingerprints)


def test_a_context_longer_than_the_model_s_is_refused(subject: Planted) -> None:
    with pytest.raises(InvalidModel, match="129 tokens is longer than the 128 of planted; set context to 128 or less"):
        open_corpus(CorpusSpec(kind="stdlib"), subject.model, context=129, tokens=1000)


def test_a_corpus_without_text_is_refused(tmp_path: Path, subject: Planted) -> None:
    (tmp_path / "a.txt").write_text("")

    with pytest.raises(InvalidCorpus, match="holds no text"):
        open_corpus(CorpusSpec(kind="text", path=str(tmp_path)), subject.model, context=16, tokens=100)


def test_the_standard_library_fills_a_budget(stories: SubjectModel) -> None:
    corpus = open_corpus(CorpusSpec(kind="stdlib", documents=6), stories, context=64, tokens=2_000)

    assert (2_000, 32) == (corpus.tokens, corpus.rows)
    assert (corpus.block(0, 32).tokens[:, 0] == 1).all()


def test_rows_can_be_read_before_the_rest_is_there(subject: Planted) -> None:
    def endless() -> Iterator[tuple[str, list[int]]]:
        return ((f"d{n}", [n % 90, 3, 4]) for n in itertools.count())

    recipe = Recipe(
        name="endless",
        read=endless,
        check=lambda: None,
        encode=given_ids,
        layout=Layout(8, None, None, PAD, (), False, "split"),
        tokens=1 << 40,
        piece_rows=20,
    )
    corpus = Corpus(recipe, fingerprint="", folder=None).open()

    assert [[0, 3, 4, 1, 3, 4, 2, 3]] == corpus.block(0, 1).tokens.tolist()
    assert corpus.known_tokens is None
    corpus.close()
