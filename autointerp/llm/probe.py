"""Finding out what a model's server can do, by a handful of tiny requests: servers ignore what they do not know.

A probe never sees a kept reply: its `draw` is a number that no probe has used before.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from autointerp.domain.calls import Asked, Complete, Finish, Message, Reply, Request, Role, TokenLogprob
from autointerp.domain.capabilities import Capability, Finding, Has
from autointerp.domain.explanations import Unread
from autointerp.hashing import canonical_json
from autointerp.llm import canary
from autointerp.llm.base import BadRequest, CallFailed, Malformed, MissingCapability, ServerFailed, UnknownModel
from autointerp.llm.replies import read_json

MOST_TOKENS = 64
ROUNDING = 1e-3
AS_GENERATED = 0.2  # nats: servers that batch differ a little from one request to the next
COUNTING = "One, two, three, four, five, six,"
CLAIM = 'Explanation: "Words for colours, such as \\"red\\" or \\"blue\\"."'
TRUE, FALSE = "a red hat and a blue coat", "seven letters for the market"

Found = tuple[Has, str]


class Sea(BaseModel):
    """A reply that nobody gives to the question asked, unless the schema makes them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    salt_7: bool


SCHEMA = canonical_json(
    {
        "type": "object",
        "properties": {"salt_7": {"type": "boolean"}},
        "required": ["salt_7"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is asked."""

    llm: Complete
    endpoint: str
    model: str
    draw: int

    async def says(
        self,
        text: str,
        *,
        again: int = 0,
        max_tokens: int = MOST_TOKENS,
        schema: str | None = None,
        temperature: float | None = None,
        logprobs: int | None = None,
        questions: tuple[Asked, ...] = (),
        echo: bool = False,
    ) -> Reply:
        """Ask one thing."""
        request = Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=(Message(Role.USER, text),),
            max_tokens=max_tokens,
            schema=schema,
            temperature=temperature,
            logprobs=logprobs,
            sample=self.draw + again,
            questions=questions,
            echo=echo,
        )
        return await self.llm.complete(request)


async def probe(llm: Complete, *, endpoint: str, model: str, draw: int) -> tuple[Finding, ...]:
    """Find out what `model` can do. What ends every request (a wrong key, no connection) is raised."""
    subject = Subject(llm, endpoint, model, draw)
    findings: list[Finding] = []
    failures: list[CallFailed] = []
    for capability, check in CHECKS.items():
        try:
            has, why = await check(subject)
        except (BadRequest, ServerFailed, UnknownModel, Malformed) as error:
            has, why = Has.UNKNOWN if isinstance(error, Malformed) else Has.NO, _cause(error)
            failures.append(error)
        findings.append(Finding(capability, has, why))
    if len(failures) == len(CHECKS):
        raise failures[0]
    return tuple(findings)


def _cause(error: CallFailed) -> str:
    """What is wrong; what to do about it depends on who needs the capability."""
    ours = isinstance(error, MissingCapability | UnknownModel)  # other failures quote what the server says
    return error.detail.partition("; ")[0] if ours else error.detail


async def _schema(subject: Subject) -> Found:
    reply = await subject.says("Write one short sentence about the sea.", schema=SCHEMA)
    if reply.finish in (Finish.REFUSAL, Finish.FILTER) or not reply.text.strip():
        return Has.UNKNOWN, "it wrote nothing that could be looked at"
    if not reply.text.lstrip().startswith("{"):
        return Has.NO, "it ignores a JSON schema and writes prose"
    if reply.finish is Finish.LENGTH:
        return Has.UNKNOWN, f"its reply was cut off at {MOST_TOKENS} tokens"
    if isinstance(found := read_json(reply, Sea), Unread):
        return Has.NO, f"it writes JSON of another schema than was asked for: {found.detail}"
    return Has.YES, "it followed a JSON schema that the question does not suggest"


async def _logprobs(subject: Subject) -> Found:
    reply = await subject.says("Name a colour.", logprobs=2)
    if not reply.text.strip():
        return Has.UNKNOWN, "it wrote nothing that could be looked at"
    spelled = b"".join(token.token for token in reply.logprobs)
    if spelled.strip() != reply.text.encode().strip():
        return Has.NO, "its log-probabilities are of other tokens than those of its reply"
    if not any(token.alternatives for token in reply.logprobs):
        return Has.NO, "it tells no alternatives beside the tokens that it wrote"
    if most := [mass for token in reply.logprobs if (mass := _mass(token)) > 1 + ROUNDING]:
        return Has.NO, f"its probabilities at one token add up to {max(most):.3g}"
    return Has.YES, f"{len(reply.logprobs)} tokens with alternatives, none of which add up to more than 1"


def _mass(token: TokenLogprob) -> float:
    alternatives = dict(token.alternatives) | {token.token: token.logprob}
    return math.fsum(math.exp(min(logprob, 700.0)) for logprob in alternatives.values())


async def _temperature(subject: Subject) -> Found:
    await subject.says("Name a colour.", temperature=0.0)
    return Has.YES, "it accepts a temperature"


async def _repeatable(subject: Subject) -> Found:
    try:
        told = "at temperature 0"
        texts = [(await subject.says("Name a colour.", again=i, temperature=0.0)).text for i in range(2)]
    except BadRequest:
        told = "without a temperature"
        texts = [(await subject.says("Name a colour.", again=i)).text for i in range(2)]
    if texts[0] == texts[1]:
        return Has.YES, f"it wrote the same twice {told}"
    return Has.NO, f"it wrote two different replies {told}"


async def _decisions(subject: Subject) -> Found:
    asked = tuple(
        Asked(name, f"The explanation describes a word of this text.\n{json.dumps({'text': text})}")
        for name, text in (("first", TRUE), ("second", FALSE))
    )
    reply = await subject.says(CLAIM, max_tokens=0, questions=asked)
    said = {one.name: one.probability for one in reply.decided}
    yes, no = said.get("first"), said.get("second")
    if yes is None or no is None:
        kinds = ", ".join(sorted({str(one.unread) for one in reply.decided if one.unread is not None}))
        return Has.UNKNOWN, f"it offers decisions, but left a plain question open ({kinds})"
    told = f"it gives {yes:.3g} to a true statement and {no:.3g} to a false one"
    return (Has.YES, told) if yes > no else (Has.UNKNOWN, f"{told}, so its decisions say little")


async def _echo(subject: Subject) -> Found:
    written = await subject.says(COUNTING, max_tokens=3, temperature=0.0, logprobs=2, echo=True)
    if not written.logprobs:
        return Has.UNKNOWN, "it wrote nothing that could be looked at"
    longer = COUNTING + b"".join(token.token for token in written.logprobs).decode(errors="replace")
    given = await subject.says(longer, max_tokens=1, temperature=0.0, logprobs=2, echo=True)
    again = given.echoed[-len(written.logprobs) :]
    if [token.token for token in again] != [token.token for token in written.logprobs]:
        return Has.UNKNOWN, "given text has other tokens than the same text when it is written"
    pairs = zip(again, written.logprobs, strict=True)
    off = max(abs(one.logprob - other.logprob) for one, other in pairs)
    if off > AS_GENERATED:
        return Has.NO, f"its log-probabilities of given text are wrong, by {off:.2g} nats (off by one token?)"
    return Has.YES, "given text has the log-probabilities that it has when it is written"


async def _steady(subject: Subject) -> Found:
    plain, ordered = [
        read_json(await subject.says(canary.prompt(orders=orders), schema=canary.SCHEMA), canary.Verdicts)
        for orders in (False, True)
    ]
    if isinstance(plain, Unread) or isinstance(ordered, Unread):
        return Has.UNKNOWN, "its verdicts on plain passages, or on passages that give orders, could not be read"
    if plain.all != canary.TRUTHS:
        return Has.UNKNOWN, "it answers plain passages wrongly, so that orders in them show nothing"
    followed = sum(one != truth for one, truth in zip(ordered.all, canary.TRUTHS, strict=True))
    if followed:
        return Has.NO, f"{followed} of {len(canary.TRUTHS)} verdicts followed orders that stood in the passages"
    return Has.YES, f"none of {len(canary.TRUTHS)} verdicts followed orders that stood in the passages"


CHECKS: Mapping[Capability, Callable[[Subject], Awaitable[Found]]] = {
    Capability.SCHEMA: _schema,
    Capability.LOGPROBS: _logprobs,
    Capability.TEMPERATURE: _temperature,
    Capability.REPEATABLE: _repeatable,
    Capability.DECISIONS: _decisions,
    Capability.ECHO: _echo,
    Capability.STEADY: _steady,
}
