"""The words of the planted subject, the meanings of its features, and texts made of them by a small grammar."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from autointerp.domain.seeds import rng_for

CONCEPTS: dict[str, str] = {
    "animals": "dog cat horse lion rabbit wolf tiger sheep goat bear fox mouse",
    "colours": "red blue green yellow purple orange pink brown white black",
    "numbers": "two three four five six seven eight nine ten twelve",
    "food": "bread cheese soup rice apple cake butter honey pasta salad",
    "weather": "rain snow wind storm fog thunder sunshine hail frost breeze",
    "tools": "hammer saw drill wrench pliers chisel shovel axe ladder rake",
    "movement": "runs walks jumps swims climbs crawls gallops hops skips marches",
    "body": "hand foot knee elbow shoulder finger nose ear chin neck",
    "clothing": "coat hat scarf shirt boots gloves jacket dress socks belt",
    "places": "kitchen garden station market school harbour library forest castle bridge",
    "family": "mother father sister brother aunt uncle cousin grandmother nephew daughter",
    "weekdays": "monday tuesday wednesday thursday friday saturday sunday",
    "instruments": "violin piano trumpet drum flute guitar cello harp",
    "vehicles": "truck bicycle train tractor boat tram lorry scooter",
    "function": "the a and is in on with near has sees likes by at my every this",
}
"""The words of each concept; a word belongs to one."""

MEANINGS: dict[int, str] = {
    0: "names of animals",
    1: "colour words",
    2: "number words",
    3: "food and things to eat",
    4: "words about the weather",
    5: "tools for building and gardening",
    6: "verbs of movement",
    7: "parts of the body",
    8: "pieces of clothing",
    9: "places and buildings",
    10: "members of the family",
    11: "days of the week",
    12: "musical instruments or vehicles",
    13: "an animal right after a number word",
    14: "common function words such as articles and prepositions",
}
"""What each feature fires on; feature 15 never fires."""

DEAD = 15
FEATURES = 16
CLAIMED: dict[str, tuple[str, ...]] = {
    **{MEANINGS[k]: (concept,) for k, concept in enumerate(list(CONCEPTS)[:12])},
    MEANINGS[12]: ("instruments", "vehicles"),
    MEANINGS[14]: ("function",),
}
COUNTED = MEANINGS[13]

CONCEPT_OF = {word: concept for concept, words in CONCEPTS.items() for word in words.split()}
WORDS = tuple(CONCEPT_OF)

_SENTENCES = (
    "the {colours} {animals} {movement} in the {places}",
    "{numbers} {animals} sees {numbers} {food}",
    "every {weekdays} my {family} likes the {food} and {food}",
    "the {weather} is near the {places} this {weekdays}",
    "my {family} has a {tools} and a {colours} {clothing}",
    "the {animals} likes {food} with {food}",
    "a {instruments} is by the {vehicles} at the {places}",
    "the {family} with the {colours} {clothing} has {numbers} {tools}",
    "my {body} is on the {vehicles} and my {body} is near the {tools}",
    "the {weather} and the {weather} is in every {places}",
    "{numbers} {animals} {movement} by the {colours} {vehicles}",
    "a {family} sees the {instruments} on {weekdays}",
    "the {animals} {movement} and the {animals} {movement}",
    "this {clothing} is on my {body} with {numbers} {colours} {instruments}",
)
_SENTENCES_A_DOCUMENT = 6
_TEMPLATES_A_DOCUMENT = 4


def documents(count: int, *, seed: int) -> tuple[tuple[str, str], ...]:
    """Return `count` texts (id, text), each built on a few of the sentences, so that it is silent on most concepts."""
    return tuple((f"planted/{n}", _document(rng_for(seed, "planted", n))) for n in range(count))


def words_of(text: str) -> list[str]:
    """Split a text into its words and full stops."""
    return re.findall(r"[a-z]+|\.", text.lower())


def claims(explanation: str, text: str) -> tuple[bool, ...]:
    """Say of each word of `text` whether `explanation` claims that the feature fires there.

    A planted meaning is followed to the letter; any other explanation claims the concepts and words that it names.
    """
    words = words_of(text)
    concepts = [CONCEPT_OF.get(word) for word in words]
    if explanation == COUNTED:
        before = [None, *concepts[:-1]]
        return tuple(a == "numbers" and b == "animals" for a, b in zip(before, concepts, strict=True))
    named = CLAIMED.get(explanation)
    if named is not None:
        return tuple(concept in named for concept in concepts)
    said = set(words_of(explanation))
    return tuple(word in said or concept in said for word, concept in zip(words, concepts, strict=True))


def holds(explanation: str, text: str) -> bool:
    """Say whether the feature fires anywhere in `text` if `explanation` is true."""
    return any(claims(explanation, text))


def _document(rng: np.random.Generator) -> str:
    templates = rng.choice(len(_SENTENCES), size=_TEMPLATES_A_DOCUMENT, replace=False)
    chosen = rng.choice(templates, size=_SENTENCES_A_DOCUMENT)
    return ". ".join(" ".join(_filled(_SENTENCES[int(i)].split(), rng)) for i in chosen) + "."


def _filled(template: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    for part in template:
        if part.startswith("{"):
            words = CONCEPTS[part[1:-1]].split()
            yield words[int(rng.integers(len(words)))]
        else:
            yield part
