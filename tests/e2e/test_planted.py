"""A subject whose truth is known: on every scorer, the true explanation outscores a wrong one by a wide margin."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import pytest

from autointerp import plugins
from autointerp.domain.examples import Example, Split
from autointerp.domain.features import FeatureRecord
from autointerp.domain.judging import Answer, Passage, Question
from autointerp.domain.packed import unpack, unpack_statistics
from autointerp.domain.specs import HarvestSpec
from autointerp.domain.tools import Tools
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.subject.planted import Planted, planted
from autointerp.subject.steering import Steering

pytestmark = pytest.mark.e2e

MARGIN = 0.25
FEATURES = (0, 3, 6, 9)

Harvested = dict[int, tuple[FeatureRecord, tuple[Example, ...]]]


class HonestJudge:
    """Answers from the text alone: what does the explanation claim of these words?"""

    def __init__(self, subject: Planted) -> None:
        self._subject = subject

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        return [Answer(self._holds(question)) for question in questions]

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


@pytest.mark.parametrize("name", plugins.names("scorer"))
async def test_the_true_explanation_outscores_a_wrong_one(name: str, subject: Planted, harvested: Harvested) -> None:
    tools = Tools(
        prompts=PromptLibrary.load(default_folder()),
        seed=0,
        steer=Steering(subject.model, subject.dictionary),
        judge=HonestJudge(subject),
    )
    scorer = plugins.configure("scorer", name, {}).build(tools)
    for index, (feature, examples) in harvested.items():
        true = await scorer.score(subject.meanings[index], feature, examples)
        wrong = await scorer.score(subject.wrong[index], feature, examples)

        assert true.value is not None, true.undefined
        assert wrong.value is not None, wrong.undefined
        assert true.value > 0.8, (index, true)
        assert true.value - wrong.value > MARGIN, (index, true, wrong)
        assert true.interval is not None
        assert wrong.value < true.interval[0]
