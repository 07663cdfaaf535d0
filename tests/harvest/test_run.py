"""A harvest of a real, small model, from shards on disk to features."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autointerp.domain.examples import Split
from autointerp.domain.packed import unpack, unpack_statistics
from autointerp.domain.specs import HarvestSpec, Sizes
from autointerp.errors import DamagedFile, InvalidModel, InvalidSpec, Unavailable
from autointerp.harvest.merge import Merged, merge_shards
from autointerp.harvest.run import harvest_shard
from autointerp.subject.corpus import Corpus
from autointerp.subject.planted import Planted, planted

CONTEXT = 32
SIZES = Sizes(top=4, per_interval=2, per_quantile=2, random=5, same_token=3)


class Stopped(Exception):
    """The worker went away."""


@pytest.fixture(scope="module")
def subject() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def corpus(subject: Planted) -> Corpus:
    return subject.corpus(CONTEXT, 4_000)


@pytest.fixture
def spec(make_spec: Callable[..., HarvestSpec]) -> HarvestSpec:
    return make_spec(context=CONTEXT, batch=7, segment=16, window=16, shards=3, pool=60, sizes=SIZES)


@pytest.fixture
def harvest(subject: Planted, corpus: Corpus, tmp_path: Path) -> Callable[..., Path]:
    def make(
        spec: HarvestSpec, shard: int = 0, progress: Callable[[int], None] = lambda _: None, **changes: Any
    ) -> Path:
        saes = changes.get("saes", [subject.dictionary])
        folder = changes.get("folder", tmp_path / str(spec.shards))
        return harvest_shard(
            changes.get("model", subject.model), saes, corpus, spec, shard=shard, folder=folder, progress=progress
        )

    return make


def bits(merged: Merged) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in merged.state.arrays().items()}


def test_any_number_of_shards_and_order_of_merging_gives_the_same_bits(
    harvest: Callable[..., Path], spec: HarvestSpec
) -> None:
    one = spec.model_copy(update={"shards": 1})
    wanted = bits(merge_shards([harvest(one)], one))
    three = [harvest(spec, shard) for shard in range(3)]
    many = spec.model_copy(update={"shards": 50})

    for order in permutations(three):
        assert bits(merge_shards(order, spec)) == wanted
    assert bits(merge_shards([harvest(many, shard) for shard in range(50)], many)) == wanted


def test_saes_on_several_hook_points_share_one_pass_and_any_shards_give_the_same_bits(
    harvest: Callable[..., Path], spec: HarvestSpec, subject: Planted, tmp_path: Path
) -> None:
    below = replace(subject.dictionary, hook="model.embed_tokens", fingerprint="below")
    both, one = [subject.dictionary, below], spec.model_copy(update={"shards": 1})

    together = bits(merge_shards([harvest(one, saes=both, folder=tmp_path / "both")], one))
    sharded = [harvest(spec, shard, saes=both, folder=tmp_path / "shards") for shard in range(3)]

    for order in permutations(sharded):
        assert bits(merge_shards(order, spec)) == together
    for number, sae in enumerate(both):
        alone = bits(merge_shards([harvest(one, saes=[sae], folder=tmp_path / sae.fingerprint)], one))
        names = [name.removeprefix("sae0.") for name in alone if name.startswith("sae0.")]
        assert {name: together[f"sae{number}.{name}"] for name in names} == {
            name: alone[f"sae0.{name}"] for name in names
        }
    assert together["sae0.tally.firings"] != together["sae1.tally.firings"]


def test_progress_adds_up_to_all_tokens_even_where_a_shard_is_there_already(
    harvest: Callable[..., Path], spec: HarvestSpec, corpus: Corpus
) -> None:
    first: list[int] = []
    again: list[int] = []

    for told in (first, again):
        for shard in range(3):
            harvest(spec, shard, told.append)

    assert sum(first) == sum(again) == corpus.tokens
    assert len(again) == 3


def test_an_interrupted_harvest_goes_on_at_the_last_finished_shard(
    harvest: Callable[..., Path], spec: HarvestSpec, tmp_path: Path
) -> None:
    def stop(_: int) -> None:
        raise Stopped

    wanted = bits(merge_shards([harvest(spec, s, folder=tmp_path / "straight") for s in range(3)], spec))
    finished = harvest(spec, 0)
    before = finished.stat().st_mtime_ns

    with pytest.raises(Stopped):
        harvest(spec, 1, stop)
    paths = [harvest(spec, shard) for shard in range(3)]

    assert finished.stat().st_mtime_ns == before
    assert bits(merge_shards(paths, spec)) == wanted
    assert sorted(p.name for p in paths[0].parent.iterdir()) == sorted(
        name for p in paths for name in (p.name, p.with_suffix(".json").name)
    )


@pytest.mark.parametrize("damage", ["flip", "truncate", "no manifest", "no data", "half a manifest", "another shard"])
def test_a_damaged_shard_is_refused_and_made_again(
    harvest: Callable[..., Path], spec: HarvestSpec, damage: str
) -> None:
    paths = [harvest(spec, shard) for shard in range(3)]
    good, manifest = paths[1].read_bytes(), paths[1].with_suffix(".json")
    if damage == "flip":
        paths[1].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    elif damage == "truncate":
        paths[1].write_bytes(good[: len(good) // 2])
    elif damage == "half a manifest":
        manifest.write_bytes(manifest.read_bytes()[:40])
    elif damage == "another shard":
        paths[1].write_bytes(paths[0].read_bytes())
        manifest.write_bytes(paths[0].with_suffix(".json").read_bytes())
    else:
        (manifest if damage == "no manifest" else paths[1]).unlink()

    with pytest.raises(DamagedFile, match="harvest it again"):
        merge_shards(paths, spec)
    harvest(spec, 1)

    assert paths[1].read_bytes() == good
    assert merge_shards(paths, spec).tokens > 0


def test_a_shard_of_another_harvest_is_refused(harvest: Callable[..., Path], spec: HarvestSpec, tmp_path: Path) -> None:
    other = spec.model_copy(update={"seed": 1})
    mine = [harvest(spec, shard) for shard in range(3)]
    theirs = [harvest(other, shard, folder=tmp_path / "other") for shard in range(3)]

    with pytest.raises(InvalidSpec, match="another spec"):
        harvest(other, 0)
    for paths in ([mine[0], theirs[1], mine[2]], mine[:2], [*mine, mine[0]], [mine[0], mine[1], mine[1]], []):
        with pytest.raises(InvalidSpec):
            merge_shards(paths, spec)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"skip_first": CONTEXT - 1}, "leave no position"), ({"skip_tokens": (10**6,)}, "skip_tokens names 1000000")],
)
def test_leaving_out_everything_or_what_is_no_token_is_told(
    harvest: Callable[..., Path], spec: HarvestSpec, corpus: Corpus, changes: dict[str, Any], told: str
) -> None:
    if "skip_first" in changes:  # and all tokens at the one position that is left
        changes = {**changes, "skip_tokens": tuple(np.unique(corpus.block(0, corpus.rows).tokens).tolist())}
    bare = spec.model_copy(update=changes)

    with pytest.raises(InvalidSpec, match=told):
        merge_shards([harvest(bare, shard) for shard in range(3)], bare)


def test_a_batch_that_is_mostly_padding_is_told(
    harvest: Callable[..., Path], spec: HarvestSpec, corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    harvest(spec.model_copy(update={"batch": 3 * corpus.rows, "shards": 1}))

    assert f"the corpus has {corpus.rows} rows" in caplog.text


def test_a_page_that_memory_does_not_hold_is_told(harvest: Callable[..., Path], spec: HarvestSpec) -> None:
    """More positions than an address space has: no machine can lay that out."""
    with pytest.raises(InvalidSpec, match="lower `batch`"):
        harvest(spec.model_copy(update={"batch": 1 << 42, "shards": 1}))


def test_the_manifest_says_what_the_shard_was_made_from(
    harvest: Callable[..., Path], spec: HarvestSpec, corpus: Corpus, subject: Planted
) -> None:
    manifest = json.loads(harvest(spec, 2).with_suffix(".json").read_text())

    assert manifest["source"]["spec"] == spec.digest
    assert manifest["source"]["corpus"] == corpus.fingerprint
    assert manifest["source"]["saes"] == [subject.dictionary.fingerprint]
    assert manifest["broken"] == [0]


def test_a_folder_that_takes_no_files_is_one_sentence(
    harvest: Callable[..., Path], spec: HarvestSpec, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="cannot write the shard"):
        harvest(spec, 0, folder=tmp_path / "file")


def test_features_come_in_order_with_examples_that_agree_with_the_model(
    harvest: Callable[..., Path], spec: HarvestSpec, subject: Planted, corpus: Corpus
) -> None:
    merged = merge_shards([harvest(spec, shard) for shard in range(3)], spec)
    features = list(merged.features(0, subject.dictionary, subject.model))
    rows = corpus.block(0, corpus.rows)
    hook = subject.dictionary.hook
    acts = subject.dictionary.encode(subject.model.read(torch.from_numpy(rows.tokens).long(), [hook])[hook]).numpy()
    acts[~rows.valid] = 0

    assert [f.index for f in features] == list(range(subject.dictionary.features))
    assert merged.tokens == rows.valid.sum()
    for feature in features:
        mine = acts[:, :, feature.index]
        assert feature.statistics.firings == (mine > 0).sum()
        np.testing.assert_allclose(feature.statistics.max, mine.max(), rtol=1e-5)
        for split in Split:
            for e in unpack(
                feature.examples[split], split=split, pool=merged.pool, vocabulary=subject.model.vocabulary
            ):
                part = slice(e.start, e.start + len(e.tokens))
                np.testing.assert_allclose(e.activations, mine[e.context, part], rtol=2e-3, atol=1e-6)
                assert rows.tokens[e.context, part].tolist() == list(e.tokens)
    assert sum(len(f.examples[Split.EXPLAIN].windows) > 0 for f in features) >= len(subject.meanings)


def test_promoted_tokens_are_those_of_the_unembedding(
    harvest: Callable[..., Path], spec: HarvestSpec, subject: Planted
) -> None:
    one = spec.model_copy(update={"shards": 1, "logits": 3})
    merged = merge_shards([harvest(one)], one)
    logits = subject.dictionary.directions @ subject.model.unembedding().T
    ids = [t for t in range(len(subject.model.vocabulary.tokens)) if t not in subject.model.vocabulary.special]

    for feature in merged.features(0, subject.dictionary, subject.model):
        mine = sorted(logits[feature.index, ids].tolist())
        found = unpack_statistics(feature.statistics, subject.model.vocabulary)
        np.testing.assert_allclose([t.logit for t in found.promoted], mine[::-1][:3], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose([t.logit for t in found.suppressed], mine[:3], rtol=1e-4, atol=1e-5)
        for token in (*found.promoted, *found.suppressed):
            np.testing.assert_allclose(logits[feature.index, token.token], token.logit, rtol=1e-4, atol=1e-5)


def test_several_saes_are_harvested_in_one_pass_as_each_would_be_alone(
    harvest: Callable[..., Path], spec: HarvestSpec, subject: Planted, tmp_path: Path
) -> None:
    one = spec.model_copy(update={"shards": 1})
    other = replace(subject.dictionary, fingerprint="f" * 64)
    both = merge_shards([harvest(one, saes=[subject.dictionary, other], folder=tmp_path / "both")], one)
    alone = merge_shards([harvest(one, saes=[other], folder=tmp_path / "alone")], one)

    pair, single = both.state.arrays(), alone.state.arrays()

    for name, array in single.items():
        if name.startswith("sae0."):
            assert np.array_equal(array, pair[name.replace("sae0.", "sae1.")]), name
    with pytest.raises(InvalidSpec, match="not the SAE number"):
        both.features(1, subject.dictionary, subject.model)


def test_a_model_that_gives_no_number_is_refused_by_name(
    harvest: Callable[..., Path], spec: HarvestSpec, subject: Planted
) -> None:
    broken = planted().model
    with torch.no_grad():
        broken.module.get_input_embeddings().weight.fill_(torch.nan)

    with pytest.raises(InvalidModel, match=f"{subject.dictionary.hook} is finite from context 0"):
        harvest(spec, 0, model=broken)


def test_special_tokens_can_be_kept(harvest: Callable[..., Path], spec: HarvestSpec, corpus: Corpus) -> None:
    one = spec.model_copy(update={"shards": 1, "skip_special": False})

    assert merge_shards([harvest(one)], one).tokens == corpus.tokens
