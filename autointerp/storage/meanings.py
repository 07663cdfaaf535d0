"""Explanations by their meaning: the database's own index, or one in this process that follows the database."""

import threading

import numpy as np
from numpy.typing import NDArray

from autointerp.analysis.nearest import Nearest
from autointerp.storage import saes, searches, vectors
from autointerp.storage.engine import ReadSession
from autointerp.storage.searches import Hit, SearchFilter
from autointerp.storage.tables.search import NEAR_DIMENSIONS

REACH = 20  # times as many as asked for are looked at where scores or explainers decide which of them pass


class Meanings:
    """Searches by meaning. What it keeps in memory is read at the first search, and what is new at each later one."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def nearest(
        self, session: ReadSession, embedder: str, query: NDArray[np.float32], filter: SearchFilter, *, limit: int
    ) -> tuple[Hit, ...]:
        """Return the explanations nearest in meaning to a unit vector by the same embedding model, nearest first."""
        if vectors.has_near(session) and len(query) == NEAR_DIMENSIONS:
            found = vectors.near(session, embedder, query, filter, limit=limit)
        else:
            with self._lock:
                kept = self._kept.setdefault(embedder, _Kept())
                kept.follow(session, embedder)
                found = kept.nearest(session, query, filter, limit=limit)
        return searches.hits(session, {number: -similar for number, similar in found.items()}, {})


class _Kept:
    """The vectors of one embedding model, with what they are filtered by."""

    def __init__(self) -> None:
        self._index: Nearest | None = None
        self._rows: set[int] = set()  # the last ones read
        self._last = 0
        self._explanation = np.empty(0, np.int64)
        self._sae = np.empty(0, np.int64)
        self._harvest = np.empty(0, np.int32)
        self._harvests: dict[str, int] = {}

    def follow(self, session: ReadSession, embedder: str) -> None:
        """Read what is new."""
        lots = list[vectors.Lot]()
        while len((lot := vectors.lot_after(session, embedder, self._last, self._rows)).id):
            self._last = max(self._last, int(lot.id[-1]))
            self._rows |= set(lot.id.tolist())
            self._rows = {one for one in self._rows if one > self._last - vectors.OVERLAP}
            if self._index is None:
                self._index = Nearest(lot.codes.shape[1])
            self._index.add(lot.codes, lot.scales)
            lots.append(lot)
        if lots:
            self._explanation = np.concatenate([self._explanation, *(lot.explanation for lot in lots)])
            self._sae = np.concatenate([self._sae, *(lot.sae for lot in lots)])
            codes = [self._harvests.setdefault(one, len(self._harvests)) for lot in lots for one in lot.harvest]
            self._harvest = np.concatenate([self._harvest, np.array(codes, np.int32)])

    def nearest(
        self, session: ReadSession, query: NDArray[np.float32], filter: SearchFilter, *, limit: int
    ) -> dict[int, float]:
        """Return the nearest explanations that pass, with their cosine similarities."""
        if self._index is None or len(query) != self._index.dimensions:
            return {}
        choosy = filter.explainer is not None or filter.scorer is not None or filter.min_score is not None
        count = limit * REACH if choosy else limit
        positions, similar = self._index.search(query, count, allowed=self._allowed(session, filter))
        ids = self._explanation[positions].tolist()
        passing = vectors.passing(session, ids, filter) if choosy else set(ids)
        found = {number: float(value) for number, value in zip(ids, similar, strict=True) if number in passing}
        return dict(list(found.items())[:limit])

    def _allowed(self, session: ReadSession, filter: SearchFilter) -> NDArray[np.bool_] | None:
        masks = list[NDArray[np.bool_]]()
        if filter.harvest_id is not None:
            masks.append(self._harvest == self._harvests.get(filter.harvest_id, -1))
        if filter.sae_id is not None:
            masks.append(self._sae == filter.sae_id)
        if filter.model_id is not None:
            masks.append(np.isin(self._sae, saes.ids_of_model(session, filter.model_id)))
        return np.logical_and.reduce(masks) if masks else None
