"""Quarter-octave bins, computed on the bits of float32 so that every machine agrees on the edges."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT

_FIRST_EXPONENT = 127 + LOWEST_EXPONENT
# The smallest mantissas (23 bits) that reach 2**(1/4), 2**(2/4), 2**(3/4): no edge is itself a float32.
_FIRST, _SECOND, _THIRD = (math.ceil((2 ** (i / BINS_PER_OCTAVE) - 1) * 2**23) for i in range(1, BINS_PER_OCTAVE))


@compiled
def bin_of(bits: Any) -> int:
    """Return the bin of the positive float32 with these (uint32) bits; what lies below or above all bins is put in the
    first or last."""
    mantissa = bits & 0x7FFFFF
    quarter = int(mantissa >= _FIRST) + int(mantissa >= _SECOND) + int(mantissa >= _THIRD)
    found = (int(bits >> 23) - _FIRST_EXPONENT) * BINS_PER_OCTAVE + quarter
    return min(max(found, 0), BINS - 1)


@compiled
def bins_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the bin of each positive value."""
    bits = values.view(np.uint32)
    found = np.empty(len(values), dtype=np.uint8)
    for i in range(len(values)):
        found[i] = bin_of(bits[i])
    return found
