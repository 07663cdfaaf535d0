"""Pieces that are kept: made once, read by anyone, made again when they are damaged."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject import corpus as corpora
from autointerp.subject.corpus import Corpus, open_corpus
from autointerp.subject.packing import Layout, Mark, Piece
from autointerp.subject.pieces import piece_path, read_piece
from autointerp.subject.planted import Planted
from autointerp.subject.recipe import Recipe
from autointerp.subject.shelf import Shelf, Stopped

CONTEXT, ROWS, DOCUMENTS = 8, 50, 1000  # eight batches of documents


class Source:
    """Documents of token ids that can be read again; `tokenised` counts those that are asked for."""

    def __init__(self, *, fails_at: int | None = None, pause: float = 0.0) -> None:
        self.tokenised = 0
        self.fails_at = fails_at
        self.pause = pause

    def recipe(self) -> Recipe:
        def read() -> Iterator[tuple[str, list[int]]]:
            for n in range(DOCUMENTS):
                if n == self.fails_at:
                    raise InvalidCorpus("document 700 is broken")
                yield f"d{n}", [10 + n % 90] * (1 + n * 7 % 13)

        def encode(parts: object) -> list[np.ndarray]:
            found = [np.array(part.content, dtype=np.int32) for part in parts]  # type: ignore[attr-defined]
            self.tokenised += len(found)
            time.sleep(self.pause)
            return found

        layout = Layout(CONTEXT, 0, None, 1, (0, 1), False, "split")
        return Recipe("given", read, lambda: None, encode, layout, 100_000, ROWS)


def opened(folder: Path | None, source: Source) -> Corpus:
    return Corpus(source.recipe(), fingerprint="", folder=folder)


def content(corpus: Corpus) -> list[bytes]:
    rows = corpus.block(0, 10_000)
    return [rows.tokens.tobytes(), rows.documents.tobytes(), rows.valid.tobytes()]


@pytest.fixture
def wanted() -> list[bytes]:
    return content(opened(None, Source()))


def test_what_is_kept_is_not_tokenised_again(tmp_path: Path, wanted: list[bytes]) -> None:
    first, second = Source(), Source()

    assert content(opened(tmp_path, first)) == wanted == content(opened(tmp_path, second))
    assert (DOCUMENTS, 0) == (first.tokenised, second.tokenised)


def test_an_end_that_is_kept_is_known_at_once(tmp_path: Path) -> None:
    read = opened(tmp_path, Source())
    total = read.tokens

    assert total == opened(tmp_path, Source()).known_tokens


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_damaged_piece_is_made_again(tmp_path: Path, wanted: list[bytes], damage: str, number: int) -> None:
    content(opened(tmp_path, Source()))
    paths = sorted(tmp_path.glob("*.safetensors"))
    good = paths[number].read_bytes()
    if damage == "flip":
        paths[number].write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    elif damage == "remove":
        paths[number].unlink()
    else:
        paths[number].write_bytes(good[:100] if damage == "truncate" else b"")
    again = Source()

    assert wanted == content(opened(tmp_path, again))
    assert good == paths[number].read_bytes()
    assert 0 < again.tokenised < DOCUMENTS or number == 0


def test_tokenising_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, wanted: list[bytes]) -> None:
    content(opened(tmp_path, Source()))
    for number in range(4, 99):
        piece_path(tmp_path, number).unlink(missing_ok=True)
    again = Source()

    assert wanted == content(opened(tmp_path, again))
    assert again.tokenised < DOCUMENTS


def test_what_is_wrong_with_a_document_is_said_where_its_rows_are_read(tmp_path: Path, wanted: list[bytes]) -> None:
    corpus = opened(tmp_path, Source(fails_at=700))

    with pytest.raises(InvalidCorpus, match="document 700 is broken"):
        content(corpus)
    assert read_piece(tmp_path, 0) is not None
    assert wanted == content(opened(tmp_path, Source()))


def test_a_shelf_that_is_closed_stops_tokenising(tmp_path: Path) -> None:
    source = Source(pause=0.02)
    corpus = opened(tmp_path, source).open()

    corpus.close()
    tokenised = source.tokenised
    time.sleep(0.1)

    assert tokenised == source.tokenised < DOCUMENTS
    with pytest.raises(RuntimeError, match="closed"):
        corpus.block(0, 10_000)


def test_waiting_for_rows_can_be_interrupted(tmp_path: Path) -> None:
    corpus = opened(tmp_path, Source(pause=0.2))

    def leave() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), corpus.interrupted_by(leave):
        corpus.block(0, 10_000)
    corpus.close()


def test_a_corpus_that_is_let_go_leaves_no_folder_behind() -> None:
    corpus = opened(None, Source()).open()
    folder = corpus._shelf._folder
    assert folder.is_dir()

    del corpus

    assert not folder.exists()


def test_pieces_are_asked_for_in_any_order(tmp_path: Path) -> None:
    corpus = opened(tmp_path, Source())

    late, early = corpus.block(617, 3), corpus.block(99, 3)

    whole = opened(None, Source()).block(0, 10_000)
    assert whole.tokens[617:620].tolist() == late.tokens.tolist()
    assert whole.tokens[99:102].tolist() == early.tokens.tolist()


def _tokenise(folder: Path, pause: float, answers: "multiprocessing.Queue[list[bytes]] | None") -> None:
    corpora_source = Source(pause=pause)
    found = content(opened(folder, corpora_source))
    if answers is not None:
        answers.put([*found, str(corpora_source.tokenised).encode()])


def test_several_processes_make_every_piece_once_and_outlive_one_that_is_killed(
    tmp_path: Path, wanted: list[bytes]
) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[list[bytes]] = context.Queue()
    doomed = context.Process(target=_tokenise, args=(tmp_path, 0.1, None))
    doomed.start()
    while read_piece(tmp_path, 1) is None:
        time.sleep(0.01)
    others = [context.Process(target=_tokenise, args=(tmp_path, 0.0, answers)) for _ in range(2)]
    for other in others:
        other.start()
    assert doomed.pid is not None
    os.kill(doomed.pid, signal.SIGKILL)
    found = [answers.get(timeout=30) for _ in others]
    for process in (doomed, *others):
        process.join()

    assert [wanted, wanted] == [each[:3] for each in found]
    assert sum(int(each[3]) for each in found) < DOCUMENTS


def test_a_source_that_changes_while_it_is_read_is_refused(subject: Planted, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("the dog runs. " * 100)
    spec = CorpusSpec(kind="text", path=str(path))
    source = corpora.identify(spec)

    path.write_text("the cat runs. " * 100)

    with pytest.raises(InvalidCorpus, match=r"a\.txt changed while it was read"):
        source.check()
    assert open_corpus(spec, subject.model, context=8, tokens=99).tokens == 99


def test_two_shelves_in_one_folder_share_their_pieces(tmp_path: Path) -> None:
    made: list[int] = []
    recipe = Source(pause=0.01).recipe()

    def counting(begin: Mark, stopped: Stopped) -> Iterator[Piece]:
        for piece in recipe.make(begin, stopped):
            made.append(piece.begin.piece)
            yield piece

    shelves = [Shelf(tmp_path, counting) for _ in range(2)]
    number = 0
    while [shelf.piece(number) for shelf in shelves] != [None, None]:
        number += 1

    assert list(range(number)) == sorted(made)
