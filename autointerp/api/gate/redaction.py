"""Keys stay out of logs, wherever a record of them comes from."""

import logging
import re
from typing import Any

from autointerp.domain.keys import PATTERN

_KEY = re.compile(PATTERN)
_ENOUGH = re.compile(r"ai_[0-9a-f]{12}_[A-Za-z0-9_-]{8,}")  # the beginning of one is a secret too


def holds_key(text: str) -> bool:
    """Whether a key stands in the text."""
    return _KEY.search(text) is not None


def without_keys(text: str) -> str:
    """Return the text with the secret of each key left out."""
    return _ENOUGH.sub(lambda found: f"{found[0][:15]}_…", text)


def keep_keys_out_of_logs() -> None:
    """Let every record that is logged from now on, in whatever library, hold no key."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _Redacting):
        logging.setLogRecordFactory(_Redacting(make))


class _Redacting:
    """Makes records without keys; formatters see their arguments as they were, but for that."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        if isinstance(record.args, tuple):
            record.args = tuple(without_keys(one) if isinstance(one, str) else one for one in record.args)
        _redact_message(record)
        if record.exc_info:
            record.exc_text = without_keys(logging.Formatter().formatException(record.exc_info))
        return record


def _redact_message(record: logging.LogRecord) -> None:
    """Redact what the format and the arguments that are no text hold."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format is told by the handler, as without us
        return
    if (clean := without_keys(message)) != message:
        record.msg, record.args = clean, ()
