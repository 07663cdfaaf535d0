"""Whether the models of a run are known to judge what they read, and not to follow orders that stand in it."""

from collections.abc import Iterator, Sequence

from autointerp.domain.capabilities import Capability, Has
from autointerp.domain.specs import RunSpec
from autointerp.errors import AutointerpError
from autointerp.runs.checking import Taken, check_plugins, hosted
from autointerp.runs.desk import Desk
from autointerp.runs.probing import stored_probe

ASKS_NO_WORDS = frozenset({Capability.DECISIONS, Capability.ECHO})


def warnings_about(desk: Desk, spec: RunSpec) -> tuple[str, ...]:
    """Return what `warnings_of` says of a run's models; a sentence of its own where the spec no longer tells them."""
    try:
        return warnings_of(desk, check_plugins(desk, spec))
    except AutointerpError as error:
        return (f"what this run asks of language models can no longer be told: {error.detail}",)


def warnings_of(desk: Desk, taken: Sequence[Taken]) -> tuple[str, ...]:
    """Return a sentence on each model that writes about corpus text and is not known to stay steady.

    What answers by decisions or echoes has no words that an order could put into its mouth, and what has no server is
    no language model.
    """
    models = {
        (one.endpoint.name, one.model): one
        for one in taken
        if not one.needs & ASKS_NO_WORDS and (one.endpoint.base_url is not None or hosted(one.endpoint))
    }
    return tuple(sentence for _, one in sorted(models.items()) for sentence in _warning(desk, one))


def _warning(desk: Desk, taken: Taken) -> Iterator[str]:
    endpoint, model = taken.endpoint.name, taken.model
    name = f"{endpoint}/{model}"
    probe = stored_probe(desk, endpoint, model)
    found = probe.finding(Capability.STEADY) if probe is not None else None
    if found is None:
        yield (
            f"{name} was never probed, so nobody knows whether orders that stand in corpus text sway it; "
            f"`autointerp endpoints probe {name}` finds out"
        )
    elif found.has is Has.NO:
        yield (
            f"orders that stand in corpus text can sway {name}, by its last probe ({found.why}); "
            f"{Capability.STEADY.instead}"
        )
    elif found.has is Has.UNKNOWN:
        yield f"the last probe of {name} could not tell whether orders that stand in corpus text sway it ({found.why})"
