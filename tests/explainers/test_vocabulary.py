"""The vocabulary explainer names promoted tokens by the unembedding."""

from dataclasses import replace

import pytest

from autointerp.domain.explanations import Explanation, Unread
from autointerp.domain.features import TokenLogit
from autointerp.judges._words import Terms
from autointerp.testing.rehearsal import Scripted, bench


def tokens(*pairs: tuple[str, float]) -> tuple[TokenLogit, ...]:
    return tuple(TokenLogit(n, piece, logit) for n, (piece, logit) in enumerate(pairs))


async def explain(
    promoted: tuple[TokenLogit, ...], lowered: tuple[TokenLogit, ...] = (), **options: object
) -> Explanation | Unread:
    here = bench(Scripted(), seed=3)
    feature = here.specimen.feature
    known = replace(feature, statistics=replace(feature.statistics, promoted=promoted, suppressed=lowered))
    return await here.explainer("vocabulary", options).explain(known, ())


@pytest.mark.parametrize(
    ("promoted", "text"),
    [
        ([(" red", 2.0)], 'Promotes the token "red".'),
        ([(" red", 2.0), (" blue", 1.5)], 'Promotes tokens such as "red" or "blue".'),
        ([(" red", 2.0), (" dog", 0.9), (" blue", 1.0)], 'Promotes tokens such as "red" or "blue".'),
        ([(" red", 2.0), ("red", 1.9), (" cat", -1.0)], 'Promotes the token "red".'),
        ([("\n", 2.0), ('"', 1.5)], 'Promotes tokens such as "\\n" or "\\"".'),
    ],
)
async def test_tokens_within_half_of_the_highest_logit_are_named_once(
    promoted: list[tuple[str, float]], text: str
) -> None:
    explanation = await explain(tokens(*promoted))

    assert isinstance(explanation, Explanation)
    assert explanation.text == text
    assert explanation.shown == ()


async def test_the_judges_read_the_names_back() -> None:
    explanation = await explain(tokens(("\n", 2.0), (' "', 1.9), (" red", 1.8)))

    assert isinstance(explanation, Explanation)
    assert Terms.of(explanation.text).names == ("\n", '"', "red")


async def test_suppressed_tokens_are_named_when_asked_for() -> None:
    explanation = await explain(
        tokens((" red", 2.0)), tokens((" dog", -3.0), (" cat", -2.0), (" of", -0.1)), suppressed=5
    )

    assert isinstance(explanation, Explanation)
    assert explanation.text == 'Promotes the token "red", and suppresses tokens such as "dog" or "cat".'


@pytest.mark.parametrize("promoted", [(), tokens((" red", 0.0)), tokens((" red", -1.0))])
async def test_a_feature_that_promotes_nothing_is_not_explained(promoted: tuple[TokenLogit, ...]) -> None:
    unread = await explain(promoted)

    assert isinstance(unread, Unread)
    assert "0 promoted tokens" in unread.detail
    assert "needed" in unread.detail
