"""A third way to predict an activation for each token of a text: a local model reads it and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.analysis.predictions import Guess
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.likelihood import Cloze, ClozeLogProb, LabelLogProbs
from autointerp.domain.tools import Prompts, Rendered
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.scorers._expected import of_labels
from autointerp.scorers._simulators import MOST_ECHOED, Simulated

LABELS = tuple(str(level) for level in range(MOST_ECHOED + 1))
MARK = "?"
BLANK = f"\t{MARK}"


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads the odds of the digits at each mark of a text in one forward pass, as `Echoing` does at an endpoint.

    The prompt's last message is the text, and what stands before it has to give way where a context is too short.
    """

    reader: ClozeLogProb
    prompts: Prompts
    prompt: str

    @property
    def most(self) -> int:
        """The end of the scale."""
        return MOST_ECHOED

    async def simulate(self, explanation: str, texts: Sequence[Sequence[str]]) -> Simulated:
        """Read all texts in one batch; InvalidModel, which names what to do instead, where digits cannot be read."""
        rendered = [self.prompts.render(self.prompt, {"explanation": explanation, "pieces": list(p)}) for p in texts]
        asked = [blanked(one, len(pieces)) for one, pieces in zip(rendered, texts, strict=True)]
        try:
            read = await self.reader.label_logprobs(asked, LABELS)
        except InvalidModel as error:
            raise InvalidModel(f'{error.detail}, or score with predict = "json"') from error
        return Simulated(tuple(map(_guess, read)), rendered[0].version if rendered else None)


def blanked(rendered: Rendered, count: int) -> Cloze:
    """The prompt with the last `count` of its marks as blanks."""
    *before, text = [message.text for message in rendered.messages]
    *open_, rest = text.rsplit(BLANK, count)
    if len(open_) < count:
        raise InvalidSpec(
            f"the prompt's last message has no tab and {MARK!r} after each of {count} tokens; lay it out like that of "
            "scorers/simulation_echo"
        )
    return Cloze("".join(f"{message}\n\n" for message in before), (*(f"{part}\t" for part in open_), rest), MARK)


def _guess(read: LabelLogProbs) -> Guess:
    values = [of_labels(logprobs) for logprobs in read]
    known = tuple(value for value in values if value is not None)
    return Guess(known) if len(known) == len(values) else Guess(None, UnreadKind.UNDECIDED)
