"""The judge that has yes/no questions decided: no text is written, and each answer is a probability.

All questions on one explanation share the rules and the explanation, which a server reads once; each passage is a
question of its own. A question that is refused, left out or undecided stays unread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.calls import Asked, Complete, Decided, Reply, Request
from autointerp.domain.capabilities import Capability
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence, Question
from autointerp.domain.tools import Prompts, Rendered, Tools
from autointerp.judges._batches import ask_in_chunks
from autointerp.llm.base import BadRequest, Malformed, MissingCapability


class Config(BaseModel):
    """Which model decides, how many questions a request, and from which probability on a passage holds.

    System One takes 64 questions a request and OpenAI 400; a run that asks an endpoint more than it takes is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, pattern=r"^[^/]+/.+$", description="endpoint/model; the run's if not given")
    questions: int = Field(default=20, ge=1, le=400, description="questions a request")
    prompt: str | None = Field(default=None, description="a prompt for every task; decisions/<task> if not given")
    threshold: float = Field(default=0.5, ge=0, lt=1, description="a passage holds above this probability")

    def build(self, tools: Tools) -> "Decisions":
        """Make the judge; InvalidSpec when no language model is at hand, or it is known to decide nothing, or less."""
        llm, endpoint, model = tools.need_llm(
            self.model, "the decisions judge", needs=(Capability.DECISIONS,), questions=self.questions
        )
        return Decisions(self, llm, endpoint, model, tools.prompts, tools.seed)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Answers by a model's probabilities of yes."""

    config: Config
    llm: Complete
    endpoint: str
    model: str
    prompts: Prompts
    seed: int

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Ask all requests at once (the LLM layer limits them); LLMError and OutOfBudget end the batch."""
        return await ask_in_chunks(questions, self.config.questions, self.seed, self._ask)

    async def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        request = self._request(questions)
        try:
            reply = await self.llm.complete(request)
        except (BadRequest, Malformed) as error:
            if isinstance(error, MissingCapability):
                raise
            return [Answer(None, unread=UnreadKind.FAILED, request=request.key)] * len(questions)
        decided = _by_name(reply)
        return [self._answer(decided.get(asked.name), request) for asked in request.questions]

    def _request(self, questions: Sequence[Question]) -> Request:
        rendered = [self._rendered(question) for question in questions]
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=rendered[0].messages[:-1],
            max_tokens=0,
            questions=tuple(Asked(f"e{i:03d}", one.messages[-1].text) for i, one in enumerate(rendered)),
            prompt=rendered[0].version,
        )

    def _rendered(self, question: Question) -> Rendered:
        values = {"explanation": question.explanation, "question": question}
        return self.prompts.render(self.config.prompt or f"decisions/{question.task}", values)

    def _answer(self, decided: Decided | None, request: Request) -> Answer:
        if decided is None or decided.probability is None:
            unread = UnreadKind.MISSING if decided is None or decided.unread is None else decided.unread
            return Answer(None, unread=unread, request=request.key)
        holds = decided.probability > self.config.threshold
        return Answer(holds, decided.probability, Confidence.DECISION, request=request.key)


def _by_name(reply: Reply) -> dict[str, Decided]:
    return {one.name: one for one in reply.decided}
