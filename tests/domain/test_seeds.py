"""Chance depends on its names and on nothing else."""

from autointerp.domain.seeds import rng_for


def test_the_same_names_give_the_same_stream() -> None:
    first, second = rng_for(1, "sae", 7, "fuzzing"), rng_for(1, "sae", 7, "fuzzing")

    assert first.integers(1 << 60, size=4).tolist() == second.integers(1 << 60, size=4).tolist()


def test_other_names_or_seeds_give_other_streams() -> None:
    draws = {
        int(rng_for(*names).integers(1 << 60)) for names in [(1, "a"), (2, "a"), (1, "b"), (1, "a", "b"), (1, "ab")]
    }

    assert 5 == len(draws)
