"""The explainer without a language model: what the firing tokens and their neighbours have in common, in a sentence.

Shares are compared with those in silent examples, so that what is common everywhere does not count. The sentence names
tokens in double quotes, which any judge can look for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from autointerp.analysis.choosing import firing, of_split
from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.explanations import Explanation, Unread, UnreadKind
from autointerp.domain.features import FeatureRecord
from autointerp.domain.tools import Tools
from autointerp.explainers._shapes import name, quote, shapes

Place = tuple[Example, int]  # an example and a position in it
Named = tuple[str, float]  # a token or a shape, and its share


class Config(BaseModel):
    """What counts as common.

    `threshold`: tokens above this share of their example's strongest fire. `share`: a token is named from this share
    of examples on; a neighbour or a shape from `consistent` on. `lift`: only if it is this many times as common as in
    silent examples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.3, ge=0, lt=1)
    names: int = Field(default=5, ge=1, description="firing tokens named at most")
    share: float = Field(default=0.08, gt=0, le=1)
    consistent: float = Field(default=0.6, gt=0, le=1)
    lift: float = Field(default=2.0, ge=1)
    reach: int = Field(default=6, ge=0, description="tokens on either side that count as the surroundings")
    least: int = Field(default=5, ge=1, description="examples needed")

    def build(self, tools: Tools) -> "TokenStatistics":
        """Make the explainer; it needs no tools."""
        del tools
        return TokenStatistics(self)


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Explains by counting."""

    config: Config

    async def explain(self, feature: FeatureRecord, examples: tuple[Example, ...]) -> Explanation | Unread:
        """Say what the firing examples of the explain split share and the silent ones lack."""
        found = of_split(examples, Split.EXPLAIN)
        shown = _distinct(e for e in found if e.group.kind is Kind.QUANTILE)
        shown = shown or _distinct(e for e in found if not e.silent)
        silent = _distinct(e for e in found if e.group.kind is Kind.RANDOM)
        if len(shown) < self.config.least:
            detail = f"{len(shown)} firing examples in the explain split; {self.config.least} are needed"
            return Unread(UnreadKind.FAILED, detail)
        return Explanation(self._sentence(shown, silent), tuple(e.window for e in shown))

    def _sentence(self, shown: Sequence[Example], silent: Sequence[Example]) -> str:
        config = self.config
        places = [[(e, i) for i, fires in enumerate(firing(e, config.threshold)) if fires] for e in shown]
        base = [[(e, i) for i in range(len(e.pieces))] for e in silent]
        tokens = self._common(_shares(places, _itself), _pooled(base, _itself), config.share)[: config.names]
        shape = self._common(_shares(places, _shapes), _pooled(base, _shapes), config.consistent)[:1]
        before = self._common(_shares(places, _before), _pooled(base, _before), config.consistent)[:1]
        after = self._common(_shares(places, _after), _pooled(base, _after), config.consistent)[:1]
        parts = [_what(tokens, shape, _shares(places, _itself))]
        parts += [f"right after {quote(found)} ({share:.0%})" for found, share in before]
        parts += [f"right before {quote(found)} ({share:.0%})" for found, share in after]
        if sum(share for _, share in tokens) < config.consistent:
            near = self._surroundings(places, silent, {found for found, _ in tokens + before + after})
            parts += [f"in text with {_list(near)}"] if near else []
        return ", ".join(parts) + "."

    def _common(self, shares: Mapping[str, float], base: Mapping[str, float], least: float) -> list[Named]:
        """What is frequent here and `lift` times as frequent as in silent text, most frequent first."""
        kept = [(n, s) for n, s in shares.items() if s >= least and s >= self.config.lift * base.get(n, 0.0)]
        return sorted(kept, key=lambda pair: (-pair[1], pair[0]))

    def _surroundings(
        self, places: Sequence[Sequence[Place]], silent: Sequence[Example], named: set[str]
    ) -> list[Named]:
        """Words around the firing tokens in many examples and in few silent ones."""
        around = [{n for e, i in here for n in _words(e, i, self.config.reach)} for here in places]
        elsewhere = [set(_words(e, e.peak, self.config.reach)) for e in silent]
        shares, base = _document_shares(around), _document_shares(elsewhere)
        least = 1 / (len(silent) + 1)
        common = [
            (n, s)
            for n, s in shares.items()
            if n not in named and s >= self.config.consistent / 2 and s >= self.config.lift * max(base.get(n, 0), least)
        ]
        return sorted(common, key=lambda pair: (-pair[1], pair[0]))[:3]


def _what(tokens: Sequence[Named], shape: Sequence[Named], shares: Mapping[str, float]) -> str:
    """What the firing tokens are: these, or of this shape, or many."""
    if tokens:
        noun = "The token" if len(tokens) == 1 and tokens[0][1] > 0.5 else "Tokens such as"
        return f"{noun} {_list(tokens)}" + (f", mostly {shape[0][0]}" if shape and len(tokens) > 1 else "")
    most = _most(shares, 5)
    if shape:
        return f"{shape[0][0].capitalize()} ({shape[0][1]:.0%}) such as {', '.join(quote(found) for found, _ in most)}"
    return f"Many different tokens, most often {_list(most)}"


def _most(shares: Mapping[str, float], count: int) -> list[Named]:
    return sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:count]


def _list(named: Sequence[Named]) -> str:
    parts = [f"{quote(found)} ({share:.0%})" for found, share in named]
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" or {parts[-1]}"


def _shares(places: Sequence[Sequence[Place]], read: Callable[[Place], Iterable[str]]) -> dict[str, float]:
    """The share of firing tokens of which each thing is read, every example weighing the same."""
    shares: dict[str, float] = defaultdict(float)
    for here in places:
        for place in here:
            for found in filter(None, read(place)):
                shares[found] += 1 / (len(here) * len(places))
    return shares


def _pooled(places: Sequence[Sequence[Place]], read: Callable[[Place], Iterable[str]]) -> dict[str, float]:
    """The share of silent tokens of which each thing is read, every token weighing the same."""
    everywhere = [place for here in places for place in here]
    return _shares([everywhere], read) if everywhere else {}


def _document_shares(sets: Sequence[set[str]]) -> dict[str, float]:
    counts = Counter(found for names in sets for found in names)
    return {found: count / len(sets) for found, count in counts.items()}


def _distinct(examples: Iterable[Example]) -> tuple[Example, ...]:
    return tuple({example.window: example for example in examples}.values())


def _itself(place: Place) -> Iterable[str]:
    example, i = place
    return [name(example.pieces[i])]


def _shapes(place: Place) -> Iterable[str]:
    example, i = place
    return shapes(example.pieces[i])


def _before(place: Place) -> Iterable[str]:
    example, i = place
    return [name(example.pieces[i - 1])] if i > 0 else []


def _after(place: Place) -> Iterable[str]:
    example, i = place
    return [name(example.pieces[i + 1])] if i + 1 < len(example.pieces) else []


def _words(example: Example, i: int, reach: int) -> Iterable[str]:
    around = example.pieces[max(0, i - reach) : i + reach + 1]
    return [name(piece) for piece in around if len(name(piece)) > 1 and name(piece).isalpha()]
