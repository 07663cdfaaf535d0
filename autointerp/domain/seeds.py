"""Chance with a name: one independent generator for every use, the same on every machine."""

import numpy as np

from autointerp.hashing import stable_int


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """Return the generator of this `seed` and these `names`; other names give independent streams."""
    return np.random.Generator(np.random.PCG64(stable_int(seed, *names)))
