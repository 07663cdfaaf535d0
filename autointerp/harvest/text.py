"""One text, read as the harvest reads a row of its corpus."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import TextTooLong
from autointerp.subject.encoding import Fired, fired
from autointerp.subject.model import SubjectModel
from autointerp.subject.packing import Layout
from autointerp.subject.sae import Dictionary


def read_text(
    model: SubjectModel, dictionary: Dictionary, tokens: Sequence[int], spec: HarvestSpec
) -> tuple[Fired, NDArray[np.bool_]]:
    """Return where features fire in `tokens`, and which tokens count; places are positions in `tokens`.

    A BOS token is put before them where the harvest begins rows with one and they do not. At a token that the harvest
    counts nothing at nothing fires. TextTooLong when the model has no room for them.
    """
    bos = Layout.of(model, spec.corpus, context=spec.context).bos
    begun = int(bos is not None and tokens[0] != bos)
    row = np.array(([bos] if begun else []) + list(tokens), dtype=np.int64)
    if len(row) > model.max_context:
        raise TextTooLong(f"the text has {len(row)} tokens, and {model.name} reads {model.max_context}; shorten it")
    counts = _counted(row, model, spec)
    acts = model.read(torch.from_numpy(row)[None], [dictionary.hook])[dictionary.hook][0]
    found = fired(dictionary, acts)
    kept = counts[found.place] & np.isfinite(found.value)
    place = found.place[kept] - np.int32(begun)
    return Fired(place, found.feature[kept], found.value[kept]), counts[begun:]


def _counted(row: NDArray[np.int64], model: SubjectModel, spec: HarvestSpec) -> NDArray[np.bool_]:
    skipped = np.isin(row, np.array(spec.skip_tokens, dtype=np.int64))
    skipped[: spec.skip_first] = True
    if spec.skip_special:
        skipped |= np.isin(row, np.array(sorted(model.vocabulary.special), dtype=np.int64))
    return ~skipped
