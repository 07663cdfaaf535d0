"""Where features fire in a text that somebody gives."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.inquiries import ActivationsFound, ActivationsWanted, FeatureInText
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.storage.records import HarvestRecord, SaeRecord

if TYPE_CHECKING:  # torch: loaded when a model is asked
    from autointerp.subject.encoding import Fired


async def find_activations(counter: Counter, wanted: ActivationsWanted) -> ActivationsFound:
    """Return the named features at every token of the text, or the ones that are largest in it."""
    harvest, sae = await counter.about(wanted.harvest_id, wanted.sae_id)
    assert harvest.model_id is not None  # a finished harvest has its model
    texts = await counter.texts(harvest.model_id)
    ids = await counter.ids(texts, wanted.text, wanted.tokens)
    fired, counts = await counter.on_device(partial(_read, counter, harvest, sae, ids))
    if wanted.features is not None:
        found = tuple(_feature(fired, counts, index, shown=True) for index in wanted.features)
    else:
        assert wanted.top is not None  # either of the two is given
        largest = _largest(fired, sae.features, top=wanted.top, by_mean=wanted.by == "mean")
        found = tuple(_feature(fired, counts, index, shown=False) for index in largest)
    return ActivationsFound(tokens=ids, pieces=texts.vocabulary.render(ids), features=found)


def _read(
    counter: Counter, harvest: HarvestRecord, sae: SaeRecord, ids: tuple[int, ...]
) -> "tuple[Fired, NDArray[np.bool_]]":
    from autointerp.harvest.text import read_text

    model, dictionary = counter.open(harvest, sae)
    return read_text(model, dictionary, ids, harvest.spec)


def _feature(fired: "Fired", counts: NDArray[np.bool_], index: int, *, shown: bool) -> FeatureInText:
    activations = np.zeros(len(counts), dtype=np.float32)
    own = fired.feature == index
    activations[fired.place[own]] = fired.value[own]
    peak = int(activations.argmax())
    counted = int(counts.sum())
    return FeatureInText(
        index=index,
        peak=float(activations[peak]),
        position=peak if activations[peak] > 0 else None,
        mean=float(activations.sum(dtype=np.float64)) / counted if counted else 0.0,
        activations=tuple(activations.tolist()) if shown else None,
    )


def _largest(fired: "Fired", features: int, *, top: int, by_mean: bool) -> list[int]:
    """The features that fire with the largest peak or sum, largest first; of equal ones the first."""
    size = np.zeros(features, dtype=np.float64)
    (np.add if by_mean else np.maximum).at(size, fired.feature, fired.value)
    order = np.argsort(-size, kind="stable")[:top]
    return order[size[order] > 0].tolist()
