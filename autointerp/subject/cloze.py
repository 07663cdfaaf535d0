"""Where the blanks of a text lie among its tokens, and which token each label would be in each of them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from autointerp.domain.likelihood import Cloze
from autointerp.errors import InvalidModel
from autointerp.subject.boundary import Cutter, legal

# Characters of the prefix that stand before a text in which labels are tried: enough that its tokens are the same.
LEAD = 64


@dataclass(frozen=True, slots=True, order=True)
class CutCloze:
    """The ids of all tokens up to the one that begins with the last mark.

    `places` are those of the tokens that begin with a mark, `labels` the id of each label in each of them.
    """

    ids: tuple[int, ...]
    places: tuple[int, ...]
    labels: tuple[tuple[int, ...], ...]

    @property
    def before(self) -> int:
        """How many tokens stand before the first blank."""
        return self.places[0]


@dataclass(frozen=True, slots=True)
class _Filled:
    """A text with `filling` in each of its blanks, and its tokens with where each begins and ends in characters."""

    cloze: Cloze
    filling: str
    ids: Sequence[int]
    spans: Sequence[tuple[int, int]]

    @property
    def begins(self) -> list[int]:
        """Where each blank begins, in characters."""
        read = accumulate(len(part) for part in self.cloze.parts[:-1])
        return [len(self.cloze.prefix) + count + n * len(self.filling) for n, count in enumerate(read)]

    def at(self, begin: int) -> int:
        """The first token that begins there or behind."""
        return bisect_left(self.spans, (begin, 0))

    def id_before(self, place: int) -> int | None:
        """The token before another; None: that is the first."""
        return self.ids[place - 1] if place else None


def cut_clozes(cutter: Cutter, asked: Sequence[Cloze], labels: Sequence[str]) -> list[CutCloze]:
    """Cut each text as its tokens are with the marks in it.

    InvalidModel where no token begins with a mark, or where a label in its place would not be one token of its own
    after the same token. InvalidSpec when a text is too long, or nothing stands before its first blank.
    """
    texts = [Cloze(legal(one.prefix), tuple(map(legal, one.parts)), legal(one.mark)) for one in asked]
    pairs = [pair for one in texts for pair in ((one, one.mark), *((_shortened(one), label) for label in labels))]
    found = cutter.encode([one.prefix + filling.join(one.parts) for one, filling in pairs])
    filled = [_Filled(*pair, each.ids, each.offsets) for pair, each in zip(pairs, found, strict=True)]
    width = 1 + len(labels)
    return [_cut(cutter, filled[i], filled[i + 1 : i + width]) for i in range(0, len(filled), width)]


def _shortened(cloze: Cloze) -> Cloze:
    return Cloze(cloze.prefix[-LEAD:], cloze.parts, cloze.mark)


def _cut(cutter: Cutter, marked: _Filled, labelled: Sequence[_Filled]) -> CutCloze:
    if not marked.begins:
        return CutCloze((), (), ())
    places = _places(cutter, marked)
    before = [marked.id_before(place) for place in places]
    labels = tuple(zip(*(_labels(cutter, one, before) for one in labelled), strict=True))
    count = places[-1] + 1
    fitted = cutter.fit(marked.ids[:count], min(marked.at(len(marked.cloze.prefix)), places[-1]))
    moved = len(fitted.ids) - count
    if places[0] + moved == 0:
        raise cutter.unreadable(count, 0)
    return CutCloze(fitted.ids, tuple(place + moved for place in places), labels)


def _places(cutter: Cutter, marked: _Filled) -> list[int]:
    """The tokens that begin with a mark."""
    places = [marked.at(begin) for begin in marked.begins]
    for blank, (place, begin) in enumerate(zip(places, marked.begins, strict=True)):
        if [first for first, _ in marked.spans[place : place + 1]] != [begin]:
            raise _torn(cutter, marked, blank)
    return places


def _labels(cutter: Cutter, labelled: _Filled, before: Sequence[int | None]) -> list[int]:
    """The label's id in each blank, where the token `before` it is the one that stands before the mark."""
    unknown = cutter.model.tokenizer.unk_token_id
    found: list[int] = []
    for blank, begin in enumerate(labelled.begins):
        place, end = labelled.at(begin), begin + len(labelled.filling)
        alone = labelled.spans[place : labelled.at(end)] == [(begin, end)]
        if not alone or labelled.ids[place] == unknown or labelled.id_before(place) != before[blank]:
            raise _torn(cutter, labelled, blank)
        found.append(labelled.ids[place])
    return found


def _torn(cutter: Cutter, filled: _Filled, blank: int) -> InvalidModel:
    name, stands = cutter.model.name, (filled.cloze.prefix + filled.filling.join(filled.cloze.parts[: blank + 1]))[-10:]
    return InvalidModel(
        f"the tokenizer of {name} joins {filled.filling!r} with other text, splits it or does not know it, "
        f"so that no odds can be read after {stands!r}; use another model"
    )
