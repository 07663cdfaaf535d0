"""Pages are read with what memory there is: fewer rows at once give the same firings."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.harvest.pages import pages
from autointerp.harvest.reading import Reader
from autointerp.harvest.rows import Firings, Page
from autointerp.subject.planted import Planted, planted

CONTEXT = 32
ROWS = 12


class Cramped:
    """A subject model that has memory for `rows` rows; more raise `error`."""

    def __init__(self, model: Any, rows: int, error: BaseException) -> None:
        self.asked: list[int] = []
        self._model, self._rows, self._error = model, rows, error

    def read(self, tokens: torch.Tensor, hooks: Sequence[str]) -> Any:
        self.asked.append(len(tokens))
        if len(tokens) > self._rows:
            raise self._error
        return self._model.read(tokens, hooks)


@pytest.fixture(scope="module")
def subject() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def page(subject: Planted, make_spec: Callable[..., HarvestSpec]) -> Page:
    spec = make_spec(context=CONTEXT, batch=ROWS)
    found, _ = next(iter(pages(subject.corpus(CONTEXT, 4_000), spec, shard=0)))
    return found


def read(model: Any, subject: Planted, page: Page, rows: int) -> Firings:
    (found,) = Reader(model, [subject.dictionary], rows=rows).read(page)
    return found


def same(found: Firings, wanted: Firings) -> bool:
    columns = ("feature", "place", "value", "broken")
    return all(np.array_equal(getattr(found, name), getattr(wanted, name)) for name in columns)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: error code 12"),
    ],
)
def test_out_of_memory_halves_the_rows_says_so_and_loses_nothing(
    subject: Planted, page: Page, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = Cramped(subject.model, 3, error)
    reader = Reader(model, [subject.dictionary], rows=ROWS)

    with caplog.at_level(logging.WARNING):
        (found,) = reader.read(page)

    assert reader.rows == 3
    assert model.asked[:3] == [12, 6, 3]
    assert "out of memory with 6 rows in a forward pass; going on with 3: set batch to 3" in caplog.text
    assert same(found, read(subject.model, subject, page, 3))


def test_one_row_that_does_not_fit_is_refused_in_one_sentence(subject: Planted, page: Page) -> None:
    with pytest.raises(InvalidSpec, match=f"one row of {CONTEXT} tokens; lower `context`"):
        read(Cramped(subject.model, 0, MemoryError()), subject, page, ROWS)


def test_other_errors_are_not_taken_for_lack_of_memory(subject: Planted, page: Page) -> None:
    model = Cramped(subject.model, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        read(model, subject, page, ROWS)
    assert model.asked == [ROWS]


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_other_rows_at_once_change_the_last_bits_of_activations_at_most(
    subject: Planted, page: Page, rows: int
) -> None:
    wanted, found = read(subject.model, subject, page, ROWS), read(subject.model, subject, page, rows)

    assert np.array_equal(found.feature, wanted.feature)
    assert np.array_equal(found.place, wanted.place)
    np.testing.assert_allclose(found.value, wanted.value, rtol=1e-4, atol=1e-5)
    assert same(found, read(subject.model, subject, page, rows))


def test_rows_without_a_number_are_refused_by_their_context(subject: Planted, page: Page) -> None:
    class Numberless:
        def read(self, tokens: torch.Tensor, hooks: Sequence[str]) -> Any:
            return {hook: act * torch.nan for hook, act in subject.model.read(tokens, hooks).items()}

    with pytest.raises(InvalidModel, match=f"{subject.dictionary.hook} is finite from context {page.first}"):
        read(Numberless(), subject, page, ROWS)
