"""Shards into one harvest, and the harvest into features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.packed import HarvestedFeature, Pool
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidSpec
from autointerp.harvest.broken import Broken
from autointerp.harvest.cut import Cutter
from autointerp.harvest.likeness import Likeness
from autointerp.harvest.location import Location
from autointerp.harvest.logits import Unembedding
from autointerp.harvest.neighbours import Neighbourhood
from autointerp.harvest.shard import Manifest, read_shard
from autointerp.harvest.silent import Silence, pool_record
from autointerp.harvest.state import State
from autointerp.harvest.texts import texts
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary
from autointerp.subject.writing import residual_directions


@dataclass(frozen=True, eq=False, slots=True)
class Merged:
    """A whole harvest. `tokens` counts what was read but for special tokens, `broken` the activations of each SAE that
    were NaN or infinite, which were left out."""

    state: State
    corpus: str
    pool: Pool

    @property
    def tokens(self) -> int:
        """How many tokens the statistics are over."""
        return self.state.tokens

    @property
    def saes(self) -> tuple[str, ...]:
        """The fingerprints of the SAEs."""
        return tuple(sae.fingerprint for sae in self.state.saes)

    @property
    def broken(self) -> tuple[Broken, ...]:
        """The activations of each SAE that were NaN or infinite."""
        return tuple(sae.broken for sae in self.state.saes)

    def texts(self) -> Iterator[CorpusText]:
        """Yield the text that all examples are cut from, in pieces."""
        parts = (part.reservoir.kept for sae in self.state.saes for part in sae.parts)
        return texts(self.state.blocks, parts, self.state.spec.context)

    def features(
        self, sae: int, dictionary: Dictionary, model: SubjectModel, likeness: Likeness | None = None
    ) -> Iterator[HarvestedFeature]:
        """Yield every feature of SAE number `sae` in the order of indices, dead ones too.

        `likeness` must be there when the spec asks for silent examples of similar text.
        """
        state, spec = self.state.saes[sae], self.state.spec
        if dictionary.fingerprint != state.fingerprint:
            raise InvalidSpec(f"{dictionary.name} is not the SAE number {sae} of this harvest; load the one it read")
        if likeness is None and spec.needs_embedder:
            raise InvalidSpec("sizes ask for similar_text examples: give an embedding model to the merging")
        silence = Silence.of(
            self.state.pool, self.pool, spec, sae=sae, fingerprint=state.fingerprint, features=state.features
        )
        return Cutter(
            state=self.state,
            sae=state,
            silence=silence,
            neighbourhood=Neighbourhood.of(self.state.pool, silence.fired, dictionary.directions, sae=sae),
            unembedding=Unembedding.of(model.unembedding(), model.vocabulary),
            directions=residual_directions(dictionary, model),
            likeness=likeness,
        ).features()


def merge_shards(paths: Sequence[Location], spec: HarvestSpec) -> Merged:
    """Merge all shards of a harvest, given in any order.

    DamagedFile when a shard is missing or damaged, InvalidSpec when they are not all of one harvest of `spec`, or when
    they counted nothing.
    """
    merged: State | None = None
    manifests: list[Manifest] = []
    for path in paths:
        manifest, arrays = read_shard(path)
        manifests.append(manifest)
        _check(manifest, manifests[0], spec, path)
        source = manifest.source
        state = State(spec, fingerprints=source.saes, features=source.features, vocabulary=source.vocabulary).load(
            arrays
        )
        if merged is None:
            merged = state
        else:
            merged.merge(state)
    if merged is None or {m.source.shard for m in manifests} != set(range(spec.shards)) or len(paths) != spec.shards:
        raise InvalidSpec(f"a harvest of {spec.shards} shards is merged from each of them once; got {len(paths)}")
    merged.settle()
    if not merged.tokens:
        raise InvalidSpec(
            "nothing was counted: special tokens, skip_first and skip_tokens leave no position; skip less"
        )
    return Merged(state=merged, corpus=manifests[0].source.corpus, pool=pool_record(merged.pool, merged.blocks))


def _check(manifest: Manifest, first: Manifest, spec: HarvestSpec, path: Location) -> None:
    same = manifest.source.model_copy(update={"shard": first.source.shard})
    if manifest.source.spec != spec.digest or same != first.source:
        raise InvalidSpec(f"{path} is not a shard of this harvest; merge only shards of one spec and corpus")
