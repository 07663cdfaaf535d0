"""What probes found out about language models."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base, Digest


class EndpointTable(Base):
    """The newest probe of each model of each endpoint; never an address or a key."""

    __tablename__ = "endpoints"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    model: Mapped[str] = mapped_column(String(300), primary_key=True)
    provider: Mapped[str] = mapped_column(String(200))
    fingerprint: Mapped[Digest]
    findings: Mapped[list[Any]]
    probed_at: Mapped[datetime]
