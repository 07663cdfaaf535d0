"""A bench for plug-ins: builds any of them by name on the specimen, with fakes for every model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autointerp import plugins
from autointerp.domain.calls import Reply, Request
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Judge, Lineup, Pick, Question
from autointerp.domain.seeds import rng_for
from autointerp.domain.tools import Explainer, Scorer, Tools
from autointerp.errors import OutOfBudget
from autointerp.llm.echoing import Echoing
from autointerp.llm.providers.fake import finished, honestly
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.testing.sample import specimen_sample
from autointerp.testing.specimen import ColourSteer, Specimen, WordEmbed, WordLogProb, specimen

Script = Callable[[Request], Reply | str]


@dataclass
class Scripted:
    """A language model that answers by a function and keeps what it was asked; `budget` requests, then no more."""

    script: Script = honestly
    budget: int | None = None
    requests: list[Request] = field(default_factory=list[Request])

    async def complete(self, request: Request) -> Reply:
        """Answer, or raise OutOfBudget."""
        if self.budget is not None and len(self.requests) >= self.budget:
            raise OutOfBudget("the budget of the rehearsal is spent")
        self.requests.append(request)
        reply = self.script(request)
        return reply if isinstance(reply, Reply) else finished(request, reply)


class Coin:
    """A judge that tosses a coin for each question, the same for the same question."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Answer by chance."""
        return [Answer(bool(rng_for(0, "coin", question).integers(2))) for question in questions]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Pick by chance."""
        return [Pick(int(rng_for(0, "coin", one).integers(len(one.passages)))) for one in lineups]


class Mute:
    """A judge none of whose replies can be read."""

    async def answer(self, questions: Sequence[Question]) -> Sequence[Answer]:
        """Leave every question unread."""
        return [Answer(None, unread=UnreadKind.REFUSED) for _ in questions]

    async def pick(self, lineups: Sequence[Lineup]) -> Sequence[Pick]:
        """Leave every line-up unread."""
        return [Pick(None, unread=UnreadKind.REFUSED) for _ in lineups]


@dataclass(frozen=True)
class Bench:
    """A specimen, and the tools that plug-ins are built with."""

    specimen: Specimen
    tools: Tools

    def explainer(self, name: str, options: dict[str, Any] | None = None) -> Explainer:
        """Build an explainer by its name, file or dotted."""
        return plugins.configure("explainer", name, options or {}).build(self.tools)

    def judge(self, name: str, options: dict[str, Any] | None = None) -> Judge:
        """Build a judge by its name."""
        return plugins.configure("judge", name, options or {}).build(self.tools)

    def scorer(self, name: str, judge: Judge, options: dict[str, Any] | None = None) -> Scorer:
        """Build a scorer by its name, with a judge to ask."""
        return plugins.configure("scorer", name, options or {}).build(replace(self.tools, judge=judge))


def bench(llm: Scripted, *, seed: int) -> Bench:
    """Set everything up with fakes: 50 firing, 50 silent and 20 same-token windows in each split, and a sample."""
    tools = Tools(
        prompts=PromptLibrary.load(default_folder()),
        seed=seed,
        llm=llm,
        llm_model="rehearsal/honest",
        embedders=lambda model: WordEmbed(),
        logprobs=lambda model: WordLogProb(),
        echoes=Echoing,
        steer=ColourSteer(),
        sample=specimen_sample(),
    )
    return Bench(specimen(per_quantile=5, random=50, same_token=20, seed=1), tools)
