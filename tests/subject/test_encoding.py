"""Where features fire is found without the dense activations, and is the same as with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.subject.encoding import Fired, fired
from autointerp.subject.sae import load_sae
from tests.contracts.test_saes import EXAMPLES, FEATURES, MODEL, READ, TOKENS, VARIANTS, WIDTH, both, made


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


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("architecture", ["topk", "standard", "jumprelu", "gated"])
def test_half_precision_fires_as_sae_lens_does_and_nearly_as_single_precision(
    architecture: str, dtype: str, tmp_path: Path
) -> None:
    acts = torch.randn(2_000, WIDTH, generator=torch.Generator().manual_seed(0))
    single = load_sae(SaeSpec(path=str(made(architecture, tmp_path))), MODEL)
    half = load_sae(SaeSpec(path=str(tmp_path), dtype=dtype), MODEL)

    found = dense(fired(half, acts), len(acts), FEATURES)

    wanted = single.encode(acts)
    assert torch.equal(found, half.encode(acts))
    assert half.sae.W_enc.dtype == getattr(torch, dtype)
    assert half.fingerprint != single.fingerprint
    agree = (found > 0) & (wanted > 0)
    assert ((found > 0) != (wanted > 0)).sum() < 0.02 * agree.sum()
    assert ((found - wanted)[agree].abs() / wanted[agree]).median() < 0.005
