"""Where features fire is found without the dense activations, and is the same as with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from autointerp.subject.encoding import Fired, fired
from tests.contracts.test_saes import EXAMPLES, FEATURES, READ, TOKENS, VARIANTS, WIDTH, both


def dense(found: Fired, places: int, features: int) -> Tensor:
    """Lay what was found out as dense activations."""
    acts = torch.zeros(places, features)
    acts[torch.from_numpy(found.place).long(), torch.from_numpy(found.feature).long()] = torch.from_numpy(found.value)
    return acts


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda found: "-".join(map(str, found.values())) or "plain")
@pytest.mark.parametrize("architecture", READ)
def test_what_fires_is_what_encoding_leaves_above_zero(
    architecture: str, variant: dict[str, Any], tmp_path: Path
) -> None:
    with both(architecture, tmp_path, **variant) as (dictionary, _):

        @EXAMPLES
        @given(tokens=TOKENS)
        def agree(tokens: Tensor) -> None:
            acts = tokens.flatten(0, 1)

            found = fired(dictionary, acts)

            assert (np.diff(found.place) >= 0).all()
            assert len(np.unique(found.place.astype(np.int64) * FEATURES + found.feature)) == len(found.value)
            assert torch.equal(dense(found, len(acts), FEATURES), dictionary.encode(acts))

        agree()


@pytest.mark.parametrize("architecture", ["topk", "standard", "jumprelu", "gated"])
def test_blocks_are_put_together_in_order(architecture: str, tmp_path: Path) -> None:
    places = 100_000  # more than one block
    acts = torch.randn(places, WIDTH, generator=torch.Generator().manual_seed(0))
    with both(architecture, tmp_path) as (dictionary, _):
        found = fired(dictionary, acts)

        assert (np.diff(found.place) >= 0).all()
        torch.testing.assert_close(dense(found, places, FEATURES), dictionary.encode(acts))


@pytest.mark.parametrize("architecture", ["topk", "standard", "jumprelu", "gated"])
def test_activations_that_are_not_finite_are_found_too(architecture: str, tmp_path: Path) -> None:
    acts = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0))
    acts[1, 3] = torch.nan
    acts[3, 0] = torch.inf
    with both(architecture, tmp_path) as (dictionary, _):
        found = fired(dictionary, acts)
        wanted = dictionary.encode(acts)

    broken = np.bincount(found.place[~np.isfinite(found.value)], minlength=5)
    assert (~torch.isfinite(wanted)).sum(1).tolist() == broken.tolist()
    assert broken[1] > 0
    assert broken[3] > 0
    assert broken[[0, 2, 4]].sum() == 0
