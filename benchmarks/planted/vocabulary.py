"""The words of the planted documents: classes with a description each, and words that stand by themselves."""

from autointerp.subject.planted_words import CONCEPTS

QUOTES = ("“", "”")
STOP = "."
ARTICLES = ["the", "a", "every", "this", "my"]
PREPOSITIONS = ["in", "with", "near", "by", "on", "of", "from", "behind"]
VERBS = ["sees", "likes", "finds", "wants", "leaves", "keeps", "meets", "draws", "takes", "brings", "follows", "hides"]
OUTLINE = ARTICLES + PREPOSITIONS + VERBS + ["and", "there", "are", "says"]
"""What sentences are built of; none of these belongs to a class."""

_OLD = {
    "animals": "names of animals",
    "colours": "words for colours",
    "numbers": "number words",
    "food": "things to eat",
    "weather": "words about the weather",
    "tools": "tools for building and gardening",
    "body": "parts of the body",
    "clothing": "pieces of clothing",
    "places": "places and buildings",
    "family": "members of the family",
    "weekdays": "days of the week",
    "instruments": "musical instruments",
    "vehicles": "vehicles",
}
_NEW = {
    "birds": ("names of birds", "heron sparrow eagle owl pigeon robin swan crow"),
    "fish": ("names of fish", "trout salmon herring pike carp eel tuna perch"),
    "insects": ("names of insects", "beetle wasp moth ant cricket hornet midge ladybird"),
    "trees": ("names of trees", "oak birch willow maple pine elm larch poplar"),
    "flowers": ("names of flowers", "tulip daisy poppy lily violet orchid daffodil primrose"),
    "fruit": ("names of fruit", "pear plum cherry peach grape melon fig apricot"),
    "vegetables": ("names of vegetables", "carrot cabbage leek turnip onion celery radish spinach"),
    "metals": ("names of metals", "iron copper tin zinc lead nickel brass bronze"),
    "jobs": ("people by their trade", "baker miller tailor mason carpenter blacksmith plumber clerk"),
    "sports": ("kinds of sport", "tennis football rowing hockey golf rugby archery fencing"),
    "feelings": ("words for feelings", "joy anger grief envy pride shame fear hope"),
    "shapes": ("geometrical shapes", "circle square triangle oval cone cube sphere pyramid"),
    "furniture": ("pieces of furniture", "table chair sofa wardrobe stool bench desk cupboard"),
    "cookware": ("things to cook with", "kettle saucepan ladle whisk colander spatula sieve teapot"),
    "drinks": ("things to drink", "tea coffee lemonade cider beer cocoa wine juice"),
    "spices": ("names of spices", "pepper cinnamon ginger nutmeg saffron cumin clove paprika"),
    "countries": ("names of countries", "france spain norway poland greece egypt peru japan"),
    "cities": ("names of cities", "paris london madrid oslo lisbon vienna prague dublin"),
    "languages": ("names of languages", "latin french danish welsh hebrew turkish polish finnish"),
    "sciences": ("names of sciences", "chemistry physics botany geology astronomy algebra zoology optics"),
    "fabrics": ("kinds of cloth", "silk wool linen cotton velvet lace satin denim"),
    "months": ("names of months", "january february april june july august october december"),
    "weapons": ("names of weapons", "sword spear bow dagger cannon musket lance pistol"),
    "vessels": ("kinds of boats and ships", "yacht canoe raft ferry barge galleon dinghy frigate"),
    "illness": ("names of illnesses", "fever cough measles flu asthma gout mumps cholera"),
    "games": ("board games and card games", "chess poker dominoes draughts whist roulette bingo marbles"),
}
_SPARE = {
    "gems": ("names of gems", "ruby sapphire emerald opal pearl topaz garnet diamond"),
    "dances": ("names of dances", "waltz tango polka foxtrot rumba samba minuet quickstep"),
    "currencies": ("names of currencies", "dollar euro franc rouble pound shilling peso yen"),
    "reptiles": ("names of reptiles", "snake lizard tortoise crocodile gecko viper iguana cobra"),
    "law": ("words about courts of law", "judge jury verdict lawyer bail oath witness warrant"),
    "stationery": ("things for writing", "pencil ink eraser ruler envelope notebook stapler folder"),
    "writing": ("kinds of literature", "novel poem ballad sonnet essay diary fable memoir"),
    "planets": ("names of planets", "mercury venus mars jupiter saturn uranus neptune pluto"),
}

DESCRIPTIONS = {**_OLD, **{name: text for name, (text, _) in (_NEW | _SPARE).items()}}
CLASSES: dict[str, tuple[str, ...]] = {
    **{name: tuple(CONCEPTS[name].split()) for name in _OLD},
    **{name: tuple(words.split()) for name, (_, words) in (_NEW | _SPARE).items()},
}
"""The words of each class; a word belongs to one."""

SPARE = tuple(_SPARE)
"""Classes that the documents hold and that no feature is about."""

TOPICS = ("inspection", "wedding", "robbery", "auction")
RARE = ("zeppelin", "quagmire", "sextant", "obelisk", "gramophone", "hieroglyph", "periscope", "talisman")
PHRASES = {
    "upon a time": ("upon", "time"),
    "rule of thumb": ("rule", "thumb"),
    "point of view": ("point", "view"),
    "change of heart": ("change", "heart"),
    "stroke of luck": ("stroke", "luck"),
    "leap of faith": ("leap", "faith"),
    "chain of command": ("chain", "command"),
    "line of duty": ("line", "duty"),
    "course of action": ("course", "action"),
    "matter of fact": ("matter", "fact"),
}
"""Phrases of three words, and the first and the last of them, which also stand elsewhere."""

PAIRS = (
    ("numbers", "animals"),
    ("colours", "flowers"),
    ("metals", "cookware"),
    ("feelings", "family"),
    ("fabrics", "clothing"),
    ("countries", "drinks"),
    ("months", "weather"),
    ("shapes", "furniture"),
    ("languages", "jobs"),
    ("trees", "birds"),
    ("cities", "vehicles"),
    ("fruit", "food"),
)
"""Classes of which a word of the second stands right after one of the first more often than by chance."""


_NOUNS = """
    house road river letter window door evening morning neighbour stranger village street corner picture story
    question answer reason journey visit party meeting office shop counter basket bottle box key lamp clock
    mirror carpet curtain shelf wall roof floor step path field hill valley lake shore island wood stone sand
    dust smoke fire light shadow sound voice song word name page book map ticket parcel present coin purse
    pocket button thread needle rope wheel engine signal platform tunnel fence hedge ditch well pump barn stable
    mill oven stove cellar attic balcony stairs hallway gate yard lawn pond stream bank ford meadow crossing
"""
NOUNS = tuple(_NOUNS.split())
"""Words of the background, the first the most frequent; some have a feature of their own."""

WORDS = tuple(
    dict.fromkeys(
        [
            *OUTLINE,
            *QUOTES,
            *(word for words in CLASSES.values() for word in words),
            *NOUNS,
            *TOPICS,
            *RARE,
            *(word for ends in PHRASES.values() for word in ends),
        ]
    )
)
