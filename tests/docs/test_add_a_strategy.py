"""The scorer and the explainer of the pages do what the pages say."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autointerp.domain.explanations import Explanation
from autointerp.errors import InvalidSpec
from autointerp.testing.rehearsal import Bench, Scripted, bench

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write the one Python block of a page as a module of someone else's package, and give its dotted name."""

    def write(page: str) -> str:
        [example] = re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
        name = page.replace("-", "_")
        (tmp_path / f"strategies_of_the_docs_{name}").mkdir()
        (tmp_path / f"strategies_of_the_docs_{name}" / "__init__.py").touch()
        (tmp_path / f"strategies_of_the_docs_{name}" / "mine.py").write_text(example)
        monkeypatch.syspath_prepend(tmp_path)
        return f"strategies_of_the_docs_{name}.mine"

    return write


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=0)


async def test_the_scorer_sees_that_a_list_of_tokens_says_too_little(module: Callable[[str], str], on: Bench) -> None:
    scorer = on.scorer(module("add-a-scorer"), on.judge("llm"), {"windows": 20})

    score = await scorer.score(on.specimen.meaning, on.specimen.feature, on.specimen.score)

    assert score.asked == score.answered == 40
    assert score.value == pytest.approx(0.5)
    assert score.metrics["tpr"] == 1.0


async def test_the_scorer_is_undefined_without_examples(module: Callable[[str], str], on: Bench) -> None:
    score = await on.scorer(module("add-a-scorer"), on.judge("lexical")).score("x", on.specimen.feature, ())

    assert score.value is None
    assert score.undefined is not None


async def test_the_explainer_names_the_tokens_at_the_peaks(module: Callable[[str], str], on: Bench) -> None:
    explanation = await on.explainer(module("add-an-explainer")).explain(on.specimen.feature, on.specimen.explain)

    assert isinstance(explanation, Explanation)
    for colour in ("red", "green", "blue", "yellow", "purple"):
        assert f'"{colour}"' in explanation.text


def test_an_unknown_option_of_theirs_is_refused_too(module: Callable[[str], str], on: Bench) -> None:
    with pytest.raises(InvalidSpec, match="nonsense"):
        on.explainer(module("add-an-explainer"), {"nonsense": 1})
