"""Worlds of dense activations, small enough to be searched by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, Pool
from autointerp.domain.specs import CorpusSpec, HarvestSpec, SaeSpec, Sizes, SubjectSpec
from autointerp.domain.vocabulary import Vocabulary
from autointerp.harvest.cut import Cutter
from autointerp.harvest.likeness import Likeness
from autointerp.harvest.logits import Unembedding
from autointerp.harvest.neighbours import Neighbourhood
from autointerp.harvest.rows import Firings, Page, lay_out
from autointerp.harvest.silent import Silence, pool_record
from autointerp.harvest.state import State
from autointerp.subject.encoding import Fired

FINGERPRINT = "sae of the test"
VOCABULARY = 12


def letters(texts: Sequence[str]) -> np.ndarray:
    """Embed texts by how often each letter of the vocabulary stands in them, as unit vectors."""
    counts = np.array([[text.count(chr(97 + i)) for i in range(VOCABULARY)] for text in texts], dtype=np.float32)
    return counts.reshape(-1, VOCABULARY) / np.linalg.norm(counts.reshape(-1, VOCABULARY), axis=1, keepdims=True)


@dataclass
class World:
    """Rows of tokens with documents and dense activations (row, position, feature), and how to harvest them."""

    tokens: np.ndarray
    documents: np.ndarray
    readable: np.ndarray
    acts: np.ndarray
    spec: HarvestSpec
    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(tuple(bytes([97 + i]) for i in range(VOCABULARY)), frozenset({0}))
    )

    @property
    def features(self) -> int:
        return self.acts.shape[2]

    @property
    def directions(self) -> torch.Tensor:
        """Unit vectors, one a feature, the same in every world."""
        return torch.nn.functional.normalize(torch.randn(self.features, 5, generator=torch.Generator().manual_seed(1)))

    def page(self, first: int, last: int) -> Page:
        part = slice(first, last)
        return lay_out(first, self.tokens[part], self.documents[part], self.readable[part], self.spec)

    def firings(self, first: int, last: int, page: Page) -> Firings:
        dense = self.acts[first:last].reshape(-1, self.features)
        place, feature = np.nonzero(~(dense <= 0))
        found = Fired(place.astype(np.int32), feature.astype(np.int32), dense[place, feature])
        return Firings.of(found, page)

    def state(self, pages: Sequence[tuple[int, int]] | None = None, *, settle: bool = False) -> State:
        """Harvest the rows in these groups of (first, last), all at once if not given; with `settle`, lists are brought
        up to date after each, so that of later groups only what reaches them is taken."""
        state = State(self.spec, fingerprints=[FINGERPRINT], features=[self.features], vocabulary=VOCABULARY)
        for first, last in pages or [(0, len(self.tokens))]:
            page = self.page(first, last)
            state.add(page, [self.firings(first, last, page)])
            if settle:
                state.settle()
        return state

    def cut(self, state: State) -> tuple[Pool, list[HarvestedFeature]]:
        """Return the pool and all features of a harvest."""
        state.settle()
        pool = pool_record(state.pool, state.blocks)
        silence = Silence.of(state.pool, pool, self.spec, sae=0, fingerprint=FINGERPRINT, features=self.features)
        cutter = Cutter(
            state=state,
            sae=state.saes[0],
            silence=silence,
            neighbourhood=Neighbourhood.of(state.pool, silence.fired, self.directions, sae=0),
            unembedding=Unembedding.of(torch.eye(VOCABULARY, 5), self.vocabulary),
            directions=self.directions,
            likeness=Likeness.of(pool, self.vocabulary, letters) if self.spec.needs_embedder else None,
        )
        return pool, list(cutter.features())


@pytest.fixture(scope="session")
def make_spec() -> Callable[..., HarvestSpec]:
    def make(**changes: object) -> HarvestSpec:
        sizes = changes.pop("sizes", Sizes(top=3, per_interval=2, per_quantile=2, random=4, same_token=3))
        return HarvestSpec(
            **{
                "subject": SubjectSpec(model="none"),
                "saes": (SaeSpec(path="none"),),
                "corpus": CorpusSpec(kind="stdlib"),
                "context": 16,
                "segment": 8,
                "window": 8,
                "pool": 40,
                "intervals": 4,
                "quantiles": 3,
                "sizes": dict.fromkeys(Split, sizes),
                **changes,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_world(make_spec: Callable[..., HarvestSpec]) -> Callable[..., World]:
    def make(
        number: int, *, rows: int = 12, features: int = 3, density: float = 0.3, levels: int = 6, **changes: object
    ) -> World:
        """World `number`: short documents, repeated texts, and activations of few `levels`, so that there are ties."""
        rng = np.random.default_rng(number)
        spec = make_spec(**changes)
        shape = (rows, spec.context)
        ends = rng.random(shape) < 0.12
        numbers = np.cumsum(ends.reshape(-1)).reshape(shape)
        documents = rng.integers(0, 2**62, numbers.max() + 1)[numbers]
        tokens = rng.integers(1, VOCABULARY, shape).astype(np.int32)
        # Some documents are copies of others, in full or in part.
        for row in range(1, rows):
            if rng.random() < 0.4:
                tokens[row], ends[row] = tokens[row - 1], ends[row - 1]
        tokens[ends] = 0
        strengths = np.exp2(rng.uniform(-3, 4, levels)).astype(np.float32)
        acts = strengths[rng.integers(0, levels, (*shape, features))]
        acts[rng.random(acts.shape) > density] = 0
        return World(tokens, documents, ~ends, acts, spec)

    return make
