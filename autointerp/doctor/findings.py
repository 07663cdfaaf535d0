"""What a check finds, and what to do about it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Level(StrEnum):
    """How bad it is: a warning is for somebody to read, what failed keeps the service from working."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(BaseModel):
    """One line of the doctor's report; `todo` None: nothing is to be done."""

    model_config = ConfigDict(frozen=True)

    check: str
    level: Level
    found: str
    todo: str | None = None


def fine(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, found=found)


def warning(check: str, found: str, todo: str) -> Finding:
    """Somebody should look at it."""
    return Finding(check=check, level=Level.WARNING, found=found, todo=todo)


def failed(check: str, found: str, todo: str) -> Finding:
    """The service cannot work like this."""
    return Finding(check=check, level=Level.FAILED, found=found, todo=todo)
