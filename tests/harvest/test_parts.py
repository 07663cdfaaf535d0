"""An SAE with more features than one part holds: every feature is in its own place, and in its own only."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autointerp.domain.examples import Kind, Split
from autointerp.domain.packed import KINDS, unpack_statistics
from autointerp.harvest.sae_state import FEATURES_OF_A_PART
from autointerp.harvest.state import State
from tests.harvest.conftest import FINGERPRINT, VOCABULARY

FEATURES = 2 * FEATURES_OF_A_PART + 100
LIVE = (0, 7, FEATURES_OF_A_PART - 1, FEATURES_OF_A_PART, 2 * FEATURES_OF_A_PART, FEATURES - 1)


@pytest.fixture(scope="module")
def wide(make_world: Callable) -> Any:
    world = make_world(5, rows=30, features=len(LIVE), density=0.2)
    acts = np.zeros((*world.acts.shape[:2], FEATURES), dtype=np.float32)
    acts[:, :, LIVE] = world.acts
    world.acts = acts
    return world


def test_every_feature_of_every_part_is_measured_exactly(wide: Any) -> None:
    _, features = wide.cut(wide.state())

    assert [feature.index for feature in features] == list(range(FEATURES))
    for feature in features:
        acts = np.where(wide.readable, wide.acts[:, :, feature.index], 0)
        found = unpack_statistics(feature.statistics, wide.vocabulary)
        assert (found.firings, found.max) == (int((acts > 0).sum()), float(acts.max()))
        counts = np.bincount(wide.tokens[acts > 0], minlength=VOCABULARY)
        assert {one.token: one.count for one in found.top_tokens} == {
            token: int(counts[token]) for token in np.flatnonzero(counts).tolist()
        }
        peaks = [
            float(examples.activations.max())
            for examples in feature.examples.values()
            if (examples.member_kind == KINDS.index(Kind.TOP)).any()
        ]
        assert (max(peaks) == pytest.approx(found.max, rel=1e-3)) if feature.index in LIVE else not peaks


def test_parts_are_the_same_for_any_grouping_and_after_a_shard_was_read(wide: Any) -> None:
    wanted = wide.state().arrays()
    first, second = wide.state([(0, 3), (3, 11)]), wide.state([(20, 30), (11, 20)])
    first.merge(second)
    read = State(wide.spec, fingerprints=[FINGERPRINT], features=[FEATURES], vocabulary=VOCABULARY).load(wanted)

    for found in (first.arrays(), read.arrays()):
        assert wanted.keys() == found.keys()
        assert all(array.tobytes() == found[name].tobytes() for name, array in wanted.items())


def test_splits_of_a_wide_sae_hold_their_own_documents(wide: Any) -> None:
    _, features = wide.cut(wide.state())

    for feature in (features[i] for i in LIVE):
        shown = [set(feature.examples[split].windows.document.tolist()) for split in Split]
        assert sum(map(len, shown)) == len(set.union(*shown)) > 0
