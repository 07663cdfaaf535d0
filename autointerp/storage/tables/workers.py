"""Worker processes and their last sign of life."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base


class WorkerTable(Base):
    """One row a worker process."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    queues: Mapped[list[Any]]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
