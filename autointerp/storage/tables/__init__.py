"""The tables, one file a noun; importing this package declares them all."""

from autointerp.storage.tables import (
    batches,
    books,
    endpoints,
    explanations,
    harvests,
    inquiries,
    keys,
    models,
    rates,
    runs,
    scores,
    vectors,
    workers,
)
from autointerp.storage.tables.base import Base

__all__ = [
    "Base",
    "batches",
    "books",
    "endpoints",
    "explanations",
    "harvests",
    "inquiries",
    "keys",
    "models",
    "rates",
    "runs",
    "scores",
    "vectors",
    "workers",
]
