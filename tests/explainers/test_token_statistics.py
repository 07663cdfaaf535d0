"""Counting says what firing tokens have in common, in words that the lexical judge can look for."""

import pytest

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.explanations import Explanation
from autointerp.judges._words import Terms
from autointerp.testing.rehearsal import Bench, Scripted, bench

SILENT = (" the", " old", " door", " was", " open", ",", " and", " the", " room", " cold", ".", " it", "(", " was", ")")


def example(n: int, pieces: tuple[str, ...], *fires: int) -> Example:
    activations = tuple(1.0 if i in fires else 0.0 for i in range(len(pieces)))
    group = Group(Kind.QUANTILE, n % 10) if fires else Group(Kind.RANDOM)
    tokens = tuple(range(len(pieces)))
    return Example(Split.EXPLAIN, group, n, n, 0, fires[0] if fires else 0, tokens, pieces, activations)


def silent() -> list[Example]:
    return [example(1_000 + n, SILENT) for n in range(20)]


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


async def sentence(on: Bench, *firing: Example) -> str:
    explanation = await on.explainer("token_statistics").explain(on.specimen.feature, (*firing, *silent()))
    assert isinstance(explanation, Explanation)
    return explanation.text


async def test_the_firing_token_is_named_with_its_share(on: Bench) -> None:
    text = await sentence(on, *(example(n, (" a", f" x{n}", " def", f" f{n}"), 2) for n in range(10)))

    assert text == 'The token "def" (100%).'
    assert Terms.of(text).names == ("def",)


async def test_what_stands_before_and_after_is_told_when_it_is_consistent(on: Bench) -> None:
    rows = [example(n, (f" a{n}", "print", "(", '"', f"b{n}"), 2) for n in range(10)]

    text = await sentence(on, *rows)

    assert 'right after "print" (100%)' in text
    assert 'right before "\\"" (100%)' in text


async def test_a_token_common_everywhere_does_not_win(on: Bench) -> None:
    rows = [example(n, (" the", f" w{n}", f" v{n}", f" u{n}", " heron"), 0, 1, 2, 4) for n in range(10)]

    text = await sentence(on, *rows)

    assert '"heron"' in text
    assert '"the"' not in text


@pytest.mark.parametrize(
    ("pieces", "shape"),
    [
        ([f" {n}{n}" for n in range(10, 30)], 'Numbers (100%) such as "10'),
        ([f" {c}nne" for c in "ABCDEFGHIJKLMNOPQRST"], "Capitalised words (100%)"),
        ([" " * n for n in range(2, 22)], "Indentation (100%)"),
        (["\n" + " " * n for n in range(20)], 'The token "\\n" (100%)'),
    ],
)
async def test_tokens_that_share_a_shape_only_are_named_by_it(on: Bench, pieces: list[str], shape: str) -> None:
    rows = [example(n, (f" w{n}", piece, f" v{n}"), 1) for n, piece in enumerate(pieces)]

    assert (await sentence(on, *rows)).startswith(shape)


async def test_where_the_tokens_differ_the_words_around_them_are_named(on: Bench) -> None:
    rows = [example(n, (f" w{n}", f" u{n}", " of", " Rome", f" fires{n}", f" v{n}"), 4) for n in range(20)]

    text = await sentence(on, *rows)

    assert '"Rome"' in text


async def test_where_nothing_is_shared_the_most_frequent_tokens_are_named(on: Bench) -> None:
    rows = [example(n, (f"w{n}", f"q{n}", f"v{n}"), 1) for n in range(20)]

    assert (await sentence(on, *rows)).startswith("Many different tokens, most often")


async def test_white_space_is_shown_with_escapes_that_can_be_read_back(on: Bench) -> None:
    rows = [example(n, (f" w{n}", ":", "\n", f" v{n}"), 2) for n in range(10)]

    text = await sentence(on, *rows)

    assert "\n" not in text
    assert Terms.of(text).names == ("\n", ":")
