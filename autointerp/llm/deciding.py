"""What the two wires of typed decisions have in common: what may be asked, and a reply made of answers by name."""

from collections.abc import Mapping

from autointerp.domain.calls import Asked, Decided, Finish, Reply, Request, Usage
from autointerp.domain.capabilities import Capability
from autointerp.domain.explanations import UnreadKind
from autointerp.llm import estimate
from autointerp.llm.base import MissingCapability


def check(request: Request, *, most: int, wire: str) -> None:
    """Refuse a request that the wire cannot carry, saying what to do instead."""
    where = f"endpoint {request.endpoint!r}"
    if not request.questions:
        raise MissingCapability(f"{where} only decides yes/no questions ({wire}); ask another endpoint for text")
    if len(request.questions) > most:
        asked = len(request.questions)
        raise MissingCapability(f"{where} takes {most} questions a request ({wire}), not {asked}; ask fewer at once")
    written = (request.schema, request.temperature, request.reasoning_effort, request.logprobs)
    if request.echo or any(option is not None for option in written):
        raise MissingCapability(
            f"{where} decides questions without writing text, so a schema, temperature, reasoning effort, "
            "log-probabilities and echo mean nothing to it; leave them out"
        )


def cannot(request: Request, what: str) -> MissingCapability:
    """The failure of an endpoint without decisions; `what` is what it offers instead."""
    return MissingCapability(
        f"endpoint {request.endpoint!r} decides no yes/no questions: {what}; {Capability.DECISIONS.instead}"
    )


def reply_of(
    request: Request, answers: Mapping[str, Decided], *, usage: Usage | None, model: str | None, data: bytes
) -> Reply:
    """The reply to `request`: an answer by name for each question, and those that are not there are missing.

    A server that counts nothing is booked at the worst case: nothing known is not zero.
    """
    decided = tuple(answers.get(asked.name) or _missing(asked) for asked in request.questions)
    refused = all(one.unread is UnreadKind.REFUSED for one in decided)
    return Reply(
        text="",
        finish=Finish.REFUSAL if refused else Finish.STOP,
        usage=estimate.worst(request) if usage is None else usage,
        model=model or request.model,
        raw=data.decode("utf-8", errors="replace"),
        decided=decided,
    )


def _missing(asked: Asked) -> Decided:
    return Decided(asked.name, None, UnreadKind.MISSING)
