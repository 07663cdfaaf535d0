"""What an explainer saw and what its explanation is scored on never come from the same document, whichever the two."""

import pytest

from autointerp import plugins
from autointerp.domain.explanations import Explanation
from autointerp.domain.judging import Judge
from autointerp.domain.scores import Score
from autointerp.domain.tools import Scorer, shown_to
from autointerp.errors import InvalidSpec
from autointerp.testing.rehearsal import Bench, Scripted, bench


@pytest.fixture
def on() -> Bench:
    return bench(Scripted(), seed=3)


def built(on: Bench, name: str) -> Scorer:
    judge: Judge = on.judge("lexical")
    try:
        return plugins.configure("scorer", name, {}).build(on.tools)
    except InvalidSpec:
        return on.scorer(name, judge)


@pytest.mark.parametrize("scorer", plugins.names("scorer"))
@pytest.mark.parametrize("explainer", plugins.names("explainer"))
async def test_no_document_is_both_shown_and_scored_on(explainer: str, scorer: str, on: Bench) -> None:
    specimen = on.specimen
    made = on.explainer(explainer)
    documents = {e.window: e.document for e in specimen.explain + specimen.validation + specimen.score}

    explanation = await made.explain(specimen.feature, shown_to(made, specimen.explain + specimen.validation))
    assert isinstance(explanation, Explanation)
    score: Score = await built(on, scorer).score(explanation.text, specimen.feature, specimen.score)

    seen = {e.document for e in specimen.validation} | {documents[window] for window in explanation.shown}
    asked = {documents[trial.window] for trial in score.trials if trial.window in documents}
    assert asked
    assert not seen & asked
