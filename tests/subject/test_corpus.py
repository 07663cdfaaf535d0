import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus, InvalidModel
from autointerp.hashing import stable_int
from autointerp.subject.corpus import FEW_DOCUMENTS, Corpus, open_corpus, pack
from autointerp.subject.model import SubjectModel
from autointerp.subject.packing import Layout, Packer
from autointerp.subject.planted import Planted

BOS, EOS, PAD = 0, 1, 2
Documents = list[list[int]]
DOCUMENTS = st.lists(st.lists(st.integers(10, 99), max_size=30), min_size=1, max_size=12)


def packed(documents: Sequence[Sequence[int]], *, context: int, budget: int, bos: bool, eos: bool) -> Corpus | None:
    layout = Layout(context, BOS if bos else None, EOS if eos else None, PAD, (BOS, EOS, PAD))
    packer = Packer(layout, budget=budget)
    for n, ids in enumerate(documents):
        packer.add(f"d{n}", ids)
    if packer.empty:
        return None
    ids, numbers, hashes, count = packer.finish()
    return Corpus("", len(ids), count, layout, ids, numbers, hashes)


@settings(deadline=None)
@given(documents=DOCUMENTS, context=st.integers(2, 12), bos=st.booleans())
def test_packing_keeps_every_token_of_every_document_in_order(documents: Documents, context: int, bos: bool) -> None:
    corpus = packed(documents, context=context, budget=10_000, bos=bos, eos=not bos)

    if corpus is None:
        assert not any(documents)
        return
    rows = corpus.block(0, corpus.rows)
    assert [t for ids in documents for t in ids] == rows.tokens[rows.valid].tolist()
    owners = [stable_int(f"d{n}") for n, ids in enumerate(documents) for _ in ids]
    assert owners == rows.documents[rows.valid].tolist()


@settings(deadline=None)
@given(documents=DOCUMENTS, context=st.integers(2, 12))
def test_with_a_bos_token_every_row_and_every_document_begins_with_one(documents: Documents, context: int) -> None:
    corpus = packed(documents, context=context, budget=10_000, bos=True, eos=False)

    if corpus is None:
        return
    rows = corpus.block(0, corpus.rows)
    flat, owners, valid = rows.tokens.ravel(), rows.documents.ravel(), rows.valid.ravel()
    assert (rows.tokens[:, 0] == BOS).all()
    begins = np.flatnonzero((owners[1:] != owners[:-1]) & (np.arange(1, flat.size) < corpus.tokens)) + 1
    assert (flat[begins] == BOS).all()
    assert not valid[flat == BOS].any()


@settings(deadline=None)
@given(documents=DOCUMENTS, context=st.integers(2, 12), budget=st.integers(1, 60), bos=st.booleans())
def test_the_budget_is_met_to_the_token_and_the_rest_of_the_last_row_is_padding(
    documents: Documents, context: int, budget: int, bos: bool
) -> None:
    whole = packed(documents, context=context, budget=10_000, bos=bos, eos=False)
    corpus = packed(documents, context=context, budget=budget, bos=bos, eos=False)

    if whole is None or corpus is None:
        assert whole is corpus
        return
    assert min(budget, whole.tokens) == corpus.tokens
    assert -(-corpus.tokens // context) == corpus.rows
    rows = corpus.block(0, corpus.rows)
    assert whole.ids.ravel()[: corpus.tokens].tolist() == rows.tokens.ravel()[: corpus.tokens].tolist()
    assert not rows.valid.ravel()[corpus.tokens :].any()


@settings(deadline=None)
@given(documents=DOCUMENTS, context=st.integers(2, 8), first=st.integers(0, 6), count=st.integers(0, 6))
def test_a_block_is_a_part_of_the_whole(documents: Documents, context: int, first: int, count: int) -> None:
    corpus = packed(documents, context=context, budget=10_000, bos=True, eos=False)
    if corpus is None:
        return

    whole, block = corpus.block(0, corpus.rows), corpus.block(first, count)

    assert first == block.first
    for name in ("tokens", "documents", "valid"):
        assert np.array_equal(getattr(whole, name)[first : first + count], getattr(block, name))


def test_with_an_eos_token_alone_every_document_ends_with_one() -> None:
    corpus = packed([[10, 11], [12]], context=4, budget=100, bos=False, eos=True)

    assert corpus is not None
    assert [[10, 11, EOS, 12], [EOS, PAD, PAD, PAD]] == corpus.ids.tolist()


def test_a_text_corpus_reads_back_as_its_texts(subject: Planted) -> None:
    corpus = subject.corpus(context=32, tokens=3_000)

    rows = corpus.block(0, corpus.rows)
    assert len(corpus.hashes) >= FEW_DOCUMENTS
    name, text = subject.documents[0]
    ids = rows.tokens[(rows.documents == stable_int(name)) & rows.valid]
    assert f" {text}" == "".join(subject.model.vocabulary.render(ids.tolist()))


def test_in_a_corpus_of_few_documents_each_row_s_piece_of_one_counts_as_a_document(subject: Planted) -> None:
    first, second = (" ".join(text for _, text in subject.documents[n::2]) for n in range(2))

    corpus = pack([("a", first), ("b", second)], subject.model, context=32, tokens=100_000)

    assert corpus is not None
    rows = corpus.block(0, corpus.rows)
    alone = pack([("a", first)], subject.model, context=32, tokens=100_000)
    assert alone is not None
    assert corpus.rows + 1 == len(corpus.hashes) == len(set(corpus.hashes.tolist()))
    assert [1] * alone.rows == [len(set(row.tolist())) for row in alone.block(0, alone.rows).documents]
    border = alone.tokens // 32
    assert rows.documents[border, alone.tokens % 32 - 1] != rows.documents[border, alone.tokens % 32]
    assert rows.documents[:border].tolist() == alone.block(0, border).documents.tolist()


@pytest.mark.parametrize(("documents", "whole"), [(FEW_DOCUMENTS - 1, False), (FEW_DOCUMENTS, True)])
def test_from_ten_documents_on_a_document_stays_whole(subject: Planted, documents: int, whole: bool) -> None:
    corpus = pack(subject.documents[:documents], subject.model, context=4, tokens=10_000)

    assert corpus is not None
    assert whole == (len(corpus.hashes) == documents)


def test_documents_of_one_id_are_one_document(subject: Planted) -> None:
    same = [("a", text) for _, text in subject.documents]

    corpus = pack(same, subject.model, context=32, tokens=10_000)

    assert corpus is not None
    assert corpus.rows == len(set(corpus.hashes.tolist()))


def test_the_names_of_special_tokens_in_a_text_are_text(stories: SubjectModel) -> None:
    corpus = pack([("a", "say <s> and </s> twice")], stories, context=64, tokens=64)

    assert corpus is not None
    rows = corpus.block(0, 1)
    assert [1] == rows.tokens[0, : corpus.tokens][~rows.valid[0, : corpus.tokens]].tolist()
    assert " say <s> and </s> twice" == "".join(stories.vocabulary.render(rows.tokens[rows.valid].tolist()))


def test_a_long_document_is_not_tokenised_far_beyond_the_budget(stories: SubjectModel) -> None:
    lengths: list[int] = []
    tokenizer = stories.tokenizer

    class Counting(PreTrainedTokenizerFast):
        def __call__(self, texts: list[str], **options: bool) -> object:  # type: ignore[override]
            lengths.extend(map(len, texts))
            return tokenizer(texts, **options)

    counting = dataclasses.replace(
        stories, tokenizer=Counting(tokenizer_object=tokenizer.backend_tokenizer, bos_token="<s>")
    )
    text = "Once upon a time. " * 100_000

    corpus = pack([("a", text)], counting, context=16, tokens=100)

    assert corpus is not None
    assert 100 == corpus.tokens
    assert max(lengths) < 10_000


def test_the_fingerprint_is_that_of_the_rows(subject: Planted) -> None:
    documents = [("a", "the dog runs."), ("b", "the cat jumps.")]

    def fingerprint(texts: list[tuple[str, str]], context: int = 8, tokens: int = 100) -> str:
        corpus = pack(texts, subject.model, context=context, tokens=tokens)
        assert corpus is not None
        return corpus.fingerprint

    first = fingerprint(documents)
    others = [
        fingerprint(documents[::-1]),
        fingerprint([("x", "the dog runs."), documents[1]]),
        fingerprint([("a", "the dog walks."), documents[1]]),
        fingerprint(documents, context=4),
        fingerprint(documents, tokens=6),
    ]

    assert first == fingerprint(documents)
    assert 6 == len({first, *others})


def test_a_context_longer_than_the_model_s_is_refused(subject: Planted) -> None:
    with pytest.raises(InvalidModel, match="129 tokens is longer than the 128 of planted; set context to 128 or less"):
        open_corpus(CorpusSpec(kind="stdlib"), subject.model, context=129, tokens=1000)


def test_a_corpus_without_text_is_refused(tmp_path_factory: pytest.TempPathFactory, subject: Planted) -> None:
    folder = tmp_path_factory.mktemp("empty")
    (folder / "a.txt").write_text("")

    with pytest.raises(InvalidCorpus, match="holds no text"):
        open_corpus(CorpusSpec(kind="text", path=str(folder)), subject.model, context=16, tokens=100)


def test_the_standard_library_fills_a_budget(stories: SubjectModel) -> None:
    corpus = open_corpus(CorpusSpec(kind="stdlib", documents=6), stories, context=64, tokens=2_000)

    assert (2_000, 32) == (corpus.tokens, corpus.rows)
    assert (corpus.block(0, 32).tokens[:, 0] == 1).all()
