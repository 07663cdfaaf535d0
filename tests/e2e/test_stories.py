"""A pretrained model that is not ours: the harvest agrees with brute force by the libraries alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sae_lens import SAE
from transformers import AutoModelForCausalLM

from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.packed import HarvestedFeature, unpack
from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.merge import Merged, merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.subject.corpus import Corpus, open_corpus
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.sae import load_sae

DATA = Path(__file__).parents[3] / "shared" / "data"
MODEL = DATA / "models" / "stories260K"
STORIES = DATA / "corpora" / "tinystories_clean.jsonl"
SAE_FOLDER = Path(__file__).parents[1] / "fixtures" / "stories260K-sae"
FEATURES = range(0, 512, 16)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not MODEL.exists(), reason="the real inputs of ../shared/data are not beside this checkout"),
]

Harvest = tuple[SubjectModel, Corpus, Merged, list[HarvestedFeature]]


@pytest.fixture(scope="module")
def spec() -> HarvestSpec:
    """Forty thousand tokens of stories in rows of 128."""
    return HarvestSpec.model_validate(
        {
            "subject": {"model": str(MODEL)},
            "saes": [{"path": str(SAE_FOLDER)}],
            "corpus": {"kind": "jsonl", "path": str(STORIES)},
            "tokens": 40_000,
            "context": 128,
        }
    )


@pytest.fixture(scope="module")
def harvest(spec: HarvestSpec, tmp_path_factory: pytest.TempPathFactory) -> Harvest:
    """The harvest by our own code."""
    model = load_model(spec.subject)
    dictionary = load_sae(spec.saes[0], model)
    corpus = open_corpus(spec.corpus, model, context=spec.context, tokens=spec.tokens)
    folder = tmp_path_factory.mktemp("shards")
    shard = harvest_shard(model, [dictionary], corpus, spec, shard=0, folder=folder, progress=lambda _: None)
    merged = merge_shards([shard], spec)
    return model, corpus, merged, list(merged.features(0, dictionary, model))


@pytest.fixture(scope="module")
def dense(harvest: Harvest) -> NDArray[np.float32]:
    """The activations (row, position, feature) by transformers and sae-lens alone, zero where nothing may be read."""
    _, corpus, _, _ = harvest
    rows = corpus.block(0, corpus.rows)
    model = AutoModelForCausalLM.from_pretrained(MODEL)
    sae = SAE.load_from_disk(SAE_FOLDER)
    with torch.inference_mode():
        tokens = torch.from_numpy(rows.tokens.astype(np.int64))
        hidden = torch.cat([model(part, output_hidden_states=True).hidden_states[3] for part in tokens.split(32)])
        acts = sae.encode(hidden) * sae.W_dec.norm(dim=1)
    return acts.numpy() * rows.valid[:, :, None]


def test_statistics_agree(harvest: Harvest, dense: NDArray[np.float32]) -> None:
    _, corpus, merged, features = harvest

    assert int(corpus.block(0, corpus.rows).valid.sum()) == merged.tokens
    for index in FEATURES:
        column, found = dense[:, :, index], features[index].statistics
        assert found.firings == pytest.approx((column > 0).sum(), abs=2)
        assert found.max == pytest.approx(float(column.max()), rel=1e-4)
        assert found.sum == pytest.approx(float(column.sum(dtype=np.float64)), rel=1e-3)


def test_the_top_examples_are_the_strongest_rows(harvest: Harvest, dense: NDArray[np.float32]) -> None:
    _, corpus, _, _ = harvest
    tokens = corpus.block(0, corpus.rows).tokens
    checked = 0
    for index, split, top in _top_lists(harvest):
        peaks = _peaks(dense[:, :, index], corpus, split, top)
        shown = {example.context for example in top}
        weakest = min(example.max for example in top)
        stronger = [(row, at) for row, (at, value) in peaks.items() if value > weakest * 1.01 and row not in shown]

        for example in top:
            assert example.max == pytest.approx(peaks[example.context][1], rel=2e-3)
        for row, at in stronger:
            assert any(_same_text(example, tokens[row], at) for example in top), (index, split, row)
        checked += len(top)

    assert checked > 500


def test_silent_examples_are_silent(harvest: Harvest, dense: NDArray[np.float32]) -> None:
    model, _, merged, features = harvest
    checked = 0
    for index in FEATURES:
        for split, packed in features[index].examples.items():
            examples = unpack(packed, split=split, pool=merged.pool, vocabulary=model.vocabulary)
            for example in (one for one in examples if one.silent):
                stop = example.start + len(example.tokens)
                assert not dense[example.context, example.start : stop, index].any()
                checked += 1

    assert checked > 500


def _top_lists(harvest: Harvest) -> Iterator[tuple[int, Split, list[Example]]]:
    model, _, merged, features = harvest
    for index in FEATURES:
        for split, packed in features[index].examples.items():
            examples = unpack(packed, split=split, pool=merged.pool, vocabulary=model.vocabulary)
            top = [example for example in examples if example.group.kind is Kind.TOP]
            if top:
                yield index, split, top


def _peaks(
    column: NDArray[np.float32], corpus: Corpus, split: Split, top: list[Example]
) -> dict[int, tuple[int, float]]:
    """The strongest position of each row, among the documents that the harvest put into the split."""
    from autointerp.harvest.split import SPLITS, split_of

    rows = corpus.block(0, corpus.rows)
    shares = {Split.EXPLAIN: 0.5, Split.VALIDATION: 0.1, Split.SCORE: 0.4}
    splits = split_of(rows.documents.reshape(-1), shares, 0).reshape(rows.documents.shape)
    masked = np.where(splits == SPLITS.index(split), column, 0)
    at = masked.argmax(1)
    return {row: (int(at[row]), float(masked[row, at[row]])) for row in range(len(at)) if masked[row, at[row]] > 0}


def _same_text(example: Example, row: NDArray[np.int32], at: int) -> bool:
    """Whether the row holds the example's window around position `at`: equal windows are folded into one."""
    start = at - example.peak
    return start >= 0 and tuple(row[start : start + len(example.tokens)].tolist()) == example.tokens
