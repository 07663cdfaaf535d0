"""Chance for whole arrays: 64-bit hashes that choose documents, peaks and segments, the same on every machine."""

import numpy as np
from numpy.typing import NDArray

from autointerp.compiled import compiled
from autointerp.hashing import stable_int


def key_for(seed: int, *names: object) -> np.uint64:
    """Return the key of this `seed` and these `names`; other names give independent priorities."""
    return np.uint64(stable_int(seed, *names))


def scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash each value to 64 bits, one to one (the finaliser of splitmix64; Steele, Lea and Flood 2014)."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


# The same for one value, inside compiled loops.
scramble_one = compiled(scramble)


def feature_keys(key: np.uint64, features: int) -> NDArray[np.uint64]:
    """Return one key a feature."""
    return scramble(scramble(np.arange(features, dtype=np.uint64)) ^ key)


def priorities(mixed_segments: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the priority of each (scrambled segment, key): uniform over 64 bits, and unique within one key."""
    return scramble(mixed_segments ^ keys)
