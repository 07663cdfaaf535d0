"""Every deliberate failure, each with the HTTP status it becomes and a sentence that says what to do.

AutointerpError
├── InvalidInput (422)         what was asked for cannot be done as it stands
│   ├── InvalidSpec (422)      a spec, an option or a plug-in name
│   ├── InvalidModel (422)     a subject model, an SAE or a hook point
│   └── InvalidCorpus (422)    a corpus that is empty, unreadable or of the wrong shape
├── NotFound (404)             no such record
├── Conflict (409)             the record is in a state that does not allow this
├── Unauthorised (401)         a key is missing or wrong
├── Forbidden (403)            the key does not reach that far, or the request comes from where it should not
├── TooSlow (408)              a request did not arrive in time
├── TooLarge (413)             a request is larger than this server takes
├── WrongMedia (415)           the body is of a kind that this address does not read
├── TooMany (429)              the key has used up its requests; it says when there are more
├── Unavailable (503)          something needed is not there now: database locked, disk full, worker gone
│   └── DamagedFile (503)      a file on disk does not match its digest
├── LLMError (502)             a language-model server failed; see llm/base.py for its kinds
├── OutOfBudget (402)          the run's budget is spent
└── Deferred (503)             the answer comes with a batch, hours from now; nothing is wrong

A bad reply of a language model is none of these: it is data (`domain.explanations.Unread`).
"""

from typing import ClassVar


class AutointerpError(Exception):
    """A deliberate failure, told in one sentence."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Failure"

    @property
    def detail(self) -> str:
        """The sentence for the user."""
        return str(self)


class InvalidInput(AutointerpError):
    """What was asked for cannot be done as it stands."""

    status = 422
    title = "Invalid input"


class InvalidSpec(InvalidInput):
    """A spec, an option or a plug-in name is wrong."""

    title = "Invalid spec"


class TextTooLong(InvalidSpec):
    """A text that has no room in the context of the model that was to read it."""


class InvalidModel(InvalidInput):
    """A subject model, an SAE or a hook point is missing or does not fit."""

    title = "Invalid model"


class InvalidCorpus(InvalidInput):
    """A corpus is empty, unreadable or of the wrong shape."""

    title = "Invalid corpus"


class NotFound(AutointerpError):
    """There is no such record."""

    status = 404
    title = "Not found"


class Conflict(AutointerpError):
    """The record is in a state that does not allow this."""

    status = 409
    title = "Conflict"


class Unauthorised(AutointerpError):
    """A key is missing or wrong."""

    status = 401
    title = "Unauthorised"


class Forbidden(AutointerpError):
    """The key does not reach that far, or the request comes from where it should not."""

    status = 403
    title = "Forbidden"


class TooSlow(AutointerpError):
    """A request did not arrive in time."""

    status = 408
    title = "Too slow"


class TooLarge(AutointerpError):
    """A request is larger than this server takes."""

    status = 413
    title = "Too large"


class WrongMedia(AutointerpError):
    """The body of a request is of a kind that its address does not read."""

    status = 415
    title = "Wrong media type"


class TooMany(AutointerpError):
    """The key has used up its requests; `wait` is in seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, *, wait: float = 1.0) -> None:
        super().__init__(detail)
        self.wait = wait


class Unavailable(AutointerpError):
    """Something that is needed is not there now."""

    status = 503
    title = "Unavailable"


class DamagedFile(Unavailable):
    """A file on disk does not match its digest."""

    title = "Damaged file"


class LLMError(AutointerpError):
    """A language-model server failed."""

    status = 502
    title = "Language model failed"


class OutOfBudget(AutointerpError):
    """The budget of the run is spent."""

    status = 402
    title = "Out of budget"


class Deferred(AutointerpError):
    """The answer comes with a batch; whoever asked is to ask again when it is there."""

    status = 503
    title = "Deferred"
