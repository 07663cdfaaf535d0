"""The rates of endpoints, shared by all workers."""

from sqlalchemy import Double, String
from sqlalchemy.orm import Mapped, mapped_column

from autointerp.storage.tables.base import Base


class RateTable(Base):
    """One row a bucket: the moment (seconds since 1970) from which it is free again."""

    __tablename__ = "rates"

    bucket: Mapped[str] = mapped_column(String(300), primary_key=True)
    due: Mapped[float] = mapped_column(Double)
