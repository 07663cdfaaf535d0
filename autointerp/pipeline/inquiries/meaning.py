"""The vector of a text to search with."""

from functools import lru_cache, partial

from autointerp.domain.inquiries import MeaningFound, MeaningWanted
from autointerp.pipeline.inquiries.counter import Counter

KEPT = 1_000


async def find_meaning(counter: Counter, wanted: MeaningWanted) -> MeaningFound:
    """Return the text as a unit vector."""
    assert wanted.embedder is not None  # it was found when the inquiry was stored
    counter.reach.check_model(wanted.embedder)
    given = counter.device, wanted.embedder, wanted.text, counter.reach.pickles
    return await counter.on_device(partial(_embed, *given))


@lru_cache(maxsize=KEPT)
def _embed(device: str, embedder: str, text: str, pickles: bool) -> MeaningFound:
    """The same text is often searched for among other explanations."""
    from autointerp.subject.embedder import open_embedder

    vector = open_embedder(embedder, device=device, pickles=pickles).embed_now([text])[0]
    return MeaningFound(vector=tuple(vector.tolist()))
