"""Records as tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from autointerp.errors import Unavailable

if TYPE_CHECKING:
    import pandas


def frame(rows: Iterable[BaseModel]) -> "pandas.DataFrame":
    """Records as a pandas DataFrame: a row for each, a column for each field; what is nested stays nested."""
    try:
        import pandas
    except ImportError as error:
        raise Unavailable("tables need pandas: pip install 'autointerp[client]'") from error
    found = list(rows)
    columns = list(type(found[0]).model_fields) if found else None
    return pandas.DataFrame([row.model_dump() for row in found], columns=columns)
