"""Quarter-octave bins, computed on the bits of float32 so that every machine agrees on the edges."""

import math

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.features import BINS, BINS_PER_OCTAVE, LOWEST_EXPONENT

_FIRST_EXPONENT = 127 + LOWEST_EXPONENT
# The smallest mantissas (23 bits) that reach 2**(1/4), 2**(2/4), 2**(3/4): no edge is itself a float32.
_EDGES = [np.uint32(math.ceil((2 ** (i / BINS_PER_OCTAVE) - 1) * 2**23)) for i in range(1, BINS_PER_OCTAVE)]


def bins_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the bin of each positive value; what lies below or above all bins is put in the first or last."""
    bits = values.view(np.uint32)
    mantissas = bits & np.uint32(0x7FFFFF)
    quarters = np.zeros(len(values), dtype=np.int32)
    for edge in _EDGES:
        quarters += mantissas >= edge
    octaves = (bits >> np.uint32(23)).astype(np.int32) - _FIRST_EXPONENT
    return np.clip(octaves * BINS_PER_OCTAVE + quarters, 0, BINS - 1).astype(np.uint8)
