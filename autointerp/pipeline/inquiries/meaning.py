"""The vector of a text to search with."""

from functools import lru_cache, partial

from autointerp.domain.inquiries import MeaningFound, MeaningWanted
from autointerp.pipeline.inquiries.counter import Counter

KEPT = 1_000


async def find_meaning(counter: Counter, wanted: MeaningWanted) -> MeaningFound:
    """Return the text as a unit vector."""
    assert wanted.embedder is not None  # it was found when the inquiry was stored
    return await counter.on_device(partial(_embed, counter.device, wanted.embedder, wanted.text))


@lru_cache(maxsize=KEPT)
def _embed(device: str, embedder: str, text: str) -> MeaningFound:
    """The same text is often searched for among other explanations."""
    from autointerp.subject.embedder import open_embedder

    vector = open_embedder(embedder, device=device).embed_now([text])[0]
    return MeaningFound(vector=tuple(vector.tolist()))
