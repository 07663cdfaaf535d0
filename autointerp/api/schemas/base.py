"""What every response record has in common."""

from typing import Any, cast

from pydantic import BaseModel, ConfigDict

NANO = 1_000_000_000
WHEN = "2026-11-21T09:30:00Z"


class Shown(BaseModel):
    """A record of a response."""

    model_config = ConfigDict(frozen=True)


def example(**values: Any) -> ConfigDict:
    """The configuration of a record whose example in the OpenAPI document is `values`."""
    return ConfigDict(frozen=True, json_schema_extra={"examples": [values]})


def example_of(record: type[Shown]) -> dict[str, Any]:
    """The example of a record, to stand in that of another."""
    extra = record.model_config.get("json_schema_extra")
    assert isinstance(extra, dict)  # `example` made it
    return cast(Any, extra)["examples"][0]


def dollars(nano_dollars: int | None) -> float | None:
    """A cost as the API shows it; None: the price is not known."""
    return None if nano_dollars is None else nano_dollars / NANO
