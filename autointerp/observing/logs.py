"""Log lines: for people, or one JSON object each; both say which request and run they belong to, and no secret."""

import json
import logging
import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

from autointerp.observing.context import subject

Style = Literal["text", "json"]
HIDDEN = "***"
SHORTEST = 6  # a shorter secret may be an ordinary word, and is none anyway
SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def begin(*, level: str, style: Style, service: str, secrets: Collection[str]) -> None:
    """Send every log line of this process to stderr; `service` names the process, `secrets` are blotted out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(style, service, secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in SERVERS:
        server = logging.getLogger(name)
        server.handlers, server.propagate = [], True


class Lines(logging.Formatter):
    """Writes a record as one line of text (and its traceback), or as one JSON object."""

    def __init__(self, style: Style, service: str, secrets: Collection[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._shape: Style = style
        self._service = service
        self._secrets = tuple(sorted((one for one in secrets if len(one) >= SHORTEST), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        about = {**subject(), **getattr(record, "fields", {})}
        return self._without_secrets(self._json(record, about) if self._shape == "json" else self._text(record, about))

    def _text(self, record: logging.LogRecord, about: Mapping[str, object]) -> str:
        first, *more = super().format(record).split("\n")
        told = " ".join(f"{name}={value}" for name, value in about.items())
        return "\n".join([f"{first} [{told}]" if told else first, *more])

    def _json(self, record: logging.LogRecord, about: Mapping[str, object]) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **about,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

    def _without_secrets(self, line: str) -> str:
        for secret in _spellings(self._secrets, self._shape):
            line = line.replace(secret, HIDDEN)
        return line


def _spellings(secrets: Iterable[str], style: Style) -> Iterable[str]:
    """Each secret as it stands in a line: JSON writes quotes and backslashes otherwise."""
    return secrets if style == "text" else (json.dumps(one, ensure_ascii=False)[1:-1] for one in secrets)
