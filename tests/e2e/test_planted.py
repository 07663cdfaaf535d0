"""A subject whose truth is known: on every scorer, the true explanation outscores a wrong one by a wide margin."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import pytest

from autointerp import plugins
from autointerp.domain.calls import Request
from autointerp.domain.examples import Example, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Lineup, Passage, Pick, Question
from autointerp.domain.packed import unpack, unpack_statistics
from autointerp.domain.specs import HarvestSpec
from autointerp.domain.tools import Tools
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.subject.planted import Planted, planted
from autointerp.subject.steering import Steering
from autointerp.testing.rehearsal import Scripted

pytestmark = pytest.mark.e2e

MARGIN = 0.25
FEATURES = (0, 3, 6, 9)
# These show no explanation, so that a wrong one costs nothing.
OF_THE_FEATURE = ("intruder",)
# The planted model ignores descriptions; search and predictions have whole runs of their own (tests/pipeline).
ELSEWHERE = ("surprisal", "retrieval", "bricken", "simulation")
OF_THE_EXPLANATION = [name for name in plugins.names("scorer") if name not in (*OF_THE_FEATURE, *ELSEWHERE)]

Harvested = dict[int, tuple[FeatureRecord, tuple[Example, ...]]]


class HonestJudge:
    """Answers from the text alone: what does the explanation claim of these words?"""

    def __init__(self, subject: Planted) -> None:
        self._subject = subject

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        return [Answer(self._holds(question)) for question in questions]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Pick the passage that shares least with the others of what any planted feature means."""
        return [Pick(self._odd([self._meanings(passage) for passage in lineup.passages])) for lineup in lineups]

    def _meanings(self, passage: Passage) -> set[str]:
        return {m for m in self._subject.meanings.values() if self._claimed(m, passage) > 0}

    def _odd(self, meanings: Sequence[set[str]]) -> int:
        shared = [sum(len(a & b) for b in meanings) - len(a) for a in meanings]
        return shared.index(min(shared))

    def _holds(self, question: Question) -> bool:
        own = self._claimed(question.explanation, question.passage)
        if question.rival is not None:
            return own > self._claimed(question.explanation, question.rival)
        return own > 0.5 if question.passage.marks else own > 0

    def _claimed(self, explanation: str, passage: Passage) -> float:
        """The share of the words (of the marked ones, where there are any) that the explanation claims."""
        text = " ".join(passage.marked_text) if passage.marks else passage.text
        claims = self._subject.claims(explanation, text)
        return mean(claims) if claims else 0.0


def honest_model(subject: Planted) -> Scripted:
    """Answers prompts that show passages as JSON, one a line: by a list of those that hold, or by 3 or 0 for each."""

    def answer(request: Request) -> str:
        first, *lines = request.messages[-1].text.splitlines()
        claim = json.loads(first.removeprefix("Explanation: "))
        shown = {name: text for line in lines for name, text in json.loads(line).items()}
        marked = {name: " ".join(re.findall("«(.*?)»", text)) or text for name, text in shown.items()}
        holds = {name: subject.holds(claim, text) for name, text in marked.items()}
        if "fires" in json.loads(request.schema or "{}")["properties"]:
            return json.dumps({"fires": [int(name) for name in holds if holds[name]]})
        return json.dumps({name: 3 * held for name, held in holds.items()})

    return Scripted(answer)


@pytest.fixture(scope="module")
def subject() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def harvested(subject: Planted, tmp_path_factory: pytest.TempPathFactory) -> Harvested:
    """What an ordinary harvest keeps of some planted features, for scoring."""
    spec = HarvestSpec.model_validate(
        {
            "subject": {"model": "planted"},
            "saes": [{"path": "planted"}],
            "corpus": {"kind": "text", "path": "planted"},
            "tokens": 30_000,
            "context": 128,
        }
    )
    corpus = subject.corpus(spec.context, spec.tokens)
    folder: Path = tmp_path_factory.mktemp("planted")
    shard = harvest_shard(
        subject.model, [subject.dictionary], corpus, spec, shard=0, folder=folder, progress=lambda _: None
    )
    merged = merge_shards([shard], spec)
    return {
        feature.index: (
            FeatureRecord(
                subject.dictionary.fingerprint,
                feature.index,
                unpack_statistics(feature.statistics, subject.model.vocabulary),
            ),
            unpack(
                feature.examples[Split.SCORE],
                split=Split.SCORE,
                pool=merged.pool,
                vocabulary=subject.model.vocabulary,
            ),
        )
        for feature in merged.features(0, subject.dictionary, subject.model)
        if feature.index in FEATURES
    }


def tools_for(subject: Planted) -> Tools:
    return Tools(
        prompts=PromptLibrary.load(default_folder()),
        seed=0,
        steer=Steering(subject.model, subject.dictionary),
        judge=HonestJudge(subject),
        llm=honest_model(subject),
        llm_model="planted/honest",
    )


@pytest.mark.parametrize("name", OF_THE_EXPLANATION)
async def test_the_true_explanation_outscores_a_wrong_one(name: str, subject: Planted, harvested: Harvested) -> None:
    scorer = plugins.configure("scorer", name, {}).build(tools_for(subject))
    for index, (feature, examples) in harvested.items():
        true = await scorer.score(subject.meanings[index], feature, examples)
        wrong = await scorer.score(subject.wrong[index], feature, examples)

        assert true.value is not None, true.undefined
        assert wrong.value is not None, wrong.undefined
        assert true.value > 0.8, (index, true)
        assert true.value - wrong.value > MARGIN, (index, true, wrong)
        assert true.interval is not None
        assert wrong.value < true.interval[0]


@pytest.mark.parametrize("name", OF_THE_FEATURE)
async def test_a_feature_with_a_meaning_scores_far_above_chance(
    name: str, subject: Planted, harvested: Harvested
) -> None:
    scorer = plugins.configure("scorer", name, {}).build(tools_for(subject))
    for index, (feature, examples) in harvested.items():
        found = await scorer.score("x", feature, examples)

        assert found.value is not None, found.undefined
        assert found.value > (found.metrics["chance"] or 0) + MARGIN, (index, found)
