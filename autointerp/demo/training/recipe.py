"""Every number that decides what the bundled model becomes."""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["tokenizer", "model", "sae-topk", "sae-jumprelu", "report"]
STAGES: tuple[Stage, ...] = ("tokenizer", "model", "sae-topk", "sae-jumprelu", "report")


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The shape of the language model and how long it is trained."""

    vocabulary: int
    width: int
    hidden: int
    layers: int
    heads: int
    context: int
    batch: int
    steps: int
    warm_up_steps: int
    peak_rate: float
    final_rate: float
    weight_decay: float
    seed: int


@dataclass(frozen=True, slots=True)
class SaeRecipe:
    """What both sparse autoencoders share."""

    hook: str
    features: int
    batch_tokens: int
    steps: int
    rate: float
    seed: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run: the language model, the two sparse autoencoders and the measurement."""

    model: ModelRecipe
    sae: SaeRecipe
    topk: int
    jumprelu_price: float  # of one more feature at one token, in squared error (activations scaled to norm √width)
    documents: int | None  # None: all of them
    measured_rows: int | None  # None: the whole validation split


FULL = Recipe(
    model=ModelRecipe(
        vocabulary=4096,
        width=128,
        hidden=384,
        layers=4,
        heads=4,
        context=256,
        batch=8,
        steps=3_200,
        warm_up_steps=100,
        peak_rate=4e-3,
        final_rate=2e-4,
        weight_decay=0.1,
        seed=0,
    ),
    sae=SaeRecipe(hook="model.layers.2", features=2048, batch_tokens=1024, steps=2_000, rate=2e-3, seed=0),
    topk=24,
    jumprelu_price=0.25,
    documents=None,
    measured_rows=None,
)

# The same path in a few seconds, on a handful of documents: for the tests.
SMOKE = Recipe(
    model=ModelRecipe(
        vocabulary=512,
        width=32,
        hidden=64,
        layers=3,
        heads=2,
        context=32,
        batch=4,
        steps=30,
        warm_up_steps=5,
        peak_rate=4e-3,
        final_rate=2e-4,
        weight_decay=0.1,
        seed=0,
    ),
    sae=SaeRecipe(hook="model.layers.1", features=64, batch_tokens=64, steps=20, rate=1e-3, seed=0),
    topk=8,
    jumprelu_price=0.25,
    documents=6,
    measured_rows=20,
)
