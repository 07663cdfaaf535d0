"""A planted feature that acts rather than reads: what it promotes explains it, and what it fires on does not."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from autointerp import plugins
from autointerp.domain.examples import Example, Split
from autointerp.domain.explanations import Explanation
from autointerp.domain.features import FeatureRecord
from autointerp.domain.packed import unpack, unpack_statistics
from autointerp.domain.specs import HarvestSpec
from autointerp.domain.tools import Tools
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.subject import planted_weights as weights
from autointerp.subject import planted_words as words
from autointerp.subject.planted import Planted, planted
from autointerp.subject.sae import Dictionary, wrap
from autointerp.subject.steering import Steering
from autointerp.testing.rehearsal import Scripted

pytestmark = pytest.mark.e2e

WRITTEN = "weekdays"
FEATURE = words.DEAD  # of the planted SAE; here it gets weights of its own


def output_only(subject: Planted) -> Dictionary:
    """The planted SAE with a feature that fires on words with nothing in common, and promotes the days of the week.

    A word's filler follows from its intensity, which is a hash of the word: 6.87 parts the words in two at random.
    """
    sae = weights.build_sae()
    parts = {name: values.clone() for name, values in sae.state_dict().items()}
    parts["W_enc"][:, FEATURE] = 0.0
    parts["W_enc"][weights.FILLER, FEATURE] = 100.0
    parts["b_enc"][FEATURE] = -687.0
    parts["W_dec"][FEATURE] = 0.0
    parts["W_dec"][FEATURE, weights.CONCEPTS.index(WRITTEN)] = 1.0
    sae.load_state_dict(parts)
    return wrap(sae, subject.model, hook=weights.HOOK, name="planted", source={"planted": "output"})


@dataclass(frozen=True)
class Kept:
    """What an ordinary harvest keeps of the feature, and the tools to explain and score it with."""

    feature: FeatureRecord
    explain: tuple[Example, ...]
    score: tuple[Example, ...]
    tools: Tools

    async def value(self, explainer: str, scorer: str) -> float:
        """How well what an explainer says is worth by a scorer with the lexical judge."""
        claim = (
            await plugins.configure("explainer", explainer, {}).build(self.tools).explain(self.feature, self.explain)
        )
        assert isinstance(claim, Explanation), claim
        score = (
            await plugins.configure("scorer", scorer, {}).build(self.tools).score(claim.text, self.feature, self.score)
        )
        assert score.value is not None, score.undefined
        return score.value


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    subject = planted()
    dictionary = output_only(subject)
    spec = HarvestSpec.model_validate(
        {
            "subject": {"model": "planted"},
            "saes": [{"path": "planted"}],
            "corpus": {"kind": "text", "path": "planted"},
            "tokens": 20_000,
            "context": 128,
        }
    )
    folder: Path = tmp_path_factory.mktemp("planted")
    corpus = subject.corpus(spec.context, spec.tokens)
    shard = harvest_shard(subject.model, [dictionary], corpus, spec, shard=0, folder=folder, progress=lambda _: None)
    merged = merge_shards([shard], spec)
    [found] = [one for one in merged.features(0, dictionary, subject.model) if one.index == FEATURE]
    vocabulary = subject.model.vocabulary
    shown = {
        split: unpack(found.examples[split], split=split, pool=merged.pool, vocabulary=vocabulary)
        for split in (Split.EXPLAIN, Split.SCORE)
    }
    tools = Tools(
        prompts=PromptLibrary.load(default_folder()),
        seed=0,
        llm=Scripted(),
        llm_model="rehearsal/honest",
        steer=Steering(subject.model, dictionary),
        judge=plugins.configure("judge", "lexical", {}).build(None),
    )
    statistics = unpack_statistics(found.statistics, vocabulary)
    feature = FeatureRecord(dictionary.fingerprint, FEATURE, statistics)
    return Kept(feature, shown[Split.EXPLAIN], shown[Split.SCORE], tools)


@pytest.mark.parametrize("name", ["output", "vocabulary", "combined"])
async def test_what_it_promotes_predicts_what_steering_writes(name: str, kept: Kept) -> None:
    assert await kept.value(name, "intervention") > 0.9


async def test_what_it_fires_on_does_not(kept: Kept) -> None:
    assert await kept.value("token_statistics", "intervention") < 0.7
    assert await kept.value("default", "intervention") < 0.7


@pytest.mark.parametrize("name", ["output", "vocabulary"])
async def test_the_words_that_are_named_are_those_of_the_planted_concept(name: str, kept: Kept) -> None:
    explainer = plugins.configure("explainer", name, {}).build(kept.tools)

    claim = await explainer.explain(kept.feature, kept.explain)

    assert isinstance(claim, Explanation)
    named = [part for i, part in enumerate(claim.text.split('"')) if i % 2]
    assert named
    assert set(named) <= set(words.CONCEPTS[WRITTEN].split())
