"""Neuronpedia's files into the database.

Everything is read once before anything is stored, to find what is broken and which tokens there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autointerp.domain.examples import Split
from autointerp.errors import InvalidInput
from autointerp.exchange import foundation
from autointerp.exchange.foundation import Foundation, Imported, Target
from autointerp.exchange.gathered import Gathered, Shown
from autointerp.exchange.neuronpedia import ORIGIN
from autointerp.exchange.neuronpedia.conversion import claim_of, statistics_of
from autointerp.exchange.neuronpedia.records import Activation
from autointerp.exchange.neuronpedia.source import Source, opened
from autointerp.hashing import stable_int
from autointerp.storage.engine import Database


@dataclass(slots=True)
class Seen:
    """What the first reading found."""

    ids: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    pieces: set[str] = field(default_factory=set[str])
    indices: set[int] = field(default_factory=set[int])
    hook: str | None = None
    tokens: int = 0
    activations: int = 0
    vectors: int = 0
    details: int = 0


def read(database: Database, path: Path, target: Target | None) -> Imported:
    """Store the files at `path`: in a harvest of their own, or, of a `target`, explanations and scores alone."""
    source = opened(path)
    seen = _survey(source)
    if target is not None:
        done = Imported(harvest=target.harvest)
        done.lose("activations, because the harvest has examples of its own", seen.activations)
    else:
        target, done = _lay(database, source, seen)
    foundation.add_claims(database, target, _claims(source, target), done)
    foundation.finish(database, target)
    done.lose("steering vectors", seen.vectors)
    done.lose("details of scores (jsonDetails)", seen.details)
    return done


def _survey(source: Source) -> Seen:
    seen = Seen()
    for feature in source.features():
        seen.ids.add((feature.modelId, feature.layer))
        seen.indices.add(feature.index)
        seen.pieces |= {*(feature.pos_str or ()), *(feature.neg_str or ())}
        seen.hook = seen.hook or feature.hookName
        seen.vectors += feature.hasVector
        if feature.autointerp is not None:
            seen.pieces |= {token.piece for token in feature.autointerp.top_tokens}
            seen.tokens = max(seen.tokens, feature.autointerp.tokens)
    for file in source.activations():
        for activation in file:
            seen.ids.add((activation.modelId, activation.layer))
            seen.indices.add(activation.index)
            seen.pieces.update(activation.tokens)
            seen.activations += 1
            if len(activation.tokens) != len(activation.values):
                raise InvalidInput(f"an activation of feature {activation.index} has not one value for each token")
    for explanation in source.explanations():
        if explanation.index is None:
            raise InvalidInput(f"the explanation {explanation.description[:50]!r} says of no feature; it has no index")
        seen.indices.add(explanation.index)
        if explanation.modelId and explanation.layer:
            seen.ids.add((explanation.modelId, explanation.layer))
        seen.details += sum(bool(score.jsonDetails) for score in explanation.scores)
    if len(seen.ids) != 1:
        names = ", ".join("/".join(one) for one in sorted(seen.ids)[:3]) or "none"
        raise InvalidInput(f"an import is of one model and source, and these files are of {names}")
    return seen


def _lay(database: Database, source: Source, seen: Seen) -> tuple[Target, Imported]:
    """Store the model, the SAE and the harvest, with features and examples."""
    [(model, layer)] = seen.ids
    ground = Foundation(
        origin=ORIGIN,
        name=layer,
        model=model,
        hook=seen.hook or layer,
        features=max(seen.indices) + 1,
        tokens=seen.tokens,
        vocabulary=foundation.vocabulary_of(seen.pieces),
    )
    target = ground.lay(database)
    numbers = foundation.numbers_of(ground.vocabulary)
    done = Imported(harvest=target.harvest)
    described = {feature.index for feature in source.features()}
    features = (statistics_of(feature, target, numbers) for feature in source.features())
    done.stored["features"] = foundation.add_features(database, features)
    bare = (statistics_of(index, target, numbers) for index in sorted(seen.indices - described))
    done.stored["features"] += foundation.add_features(database, bare)
    for file in source.activations():
        gathered = Gathered()
        for activation in file:
            gathered.add(activation.index, _shown(activation, numbers))
        foundation.add_examples(database, gathered.rows(target.harvest, target.sae))
    done.stored["examples"] = seen.activations
    foundation.fill(database, target, sorted(seen.indices))
    return target, done


def _claims(source: Source, target: Target) -> Iterator[foundation.Claim]:
    return (claim_of(explanation, target) for explanation in source.explanations())


def _shown(activation: Activation, numbers: dict[str, int]) -> Shown:
    own = activation.autointerp
    place = stable_int(ORIGIN, *activation.tokens)
    return Shown.of(
        numbers,
        activation.tokens,
        activation.values,
        split=Split.EXPLAIN if own is None else own.split,
        group=_group(activation) if own is None else str(own.parsed),
        place=(place, place, 0) if own is None else (own.context, own.document, own.start),
        peak=_peak(activation.values, activation.maxValueTokenIndex),
    )


def _peak(values: Sequence[float], said: int | None) -> int:
    if said is not None and 0 <= said < len(values):
        return said
    return max(range(len(values)), key=lambda i: values[i], default=0)


def _group(activation: Activation) -> str:
    """The group of an activation that is not of ours: their bins are ours, where they have any."""
    low, high = activation.binMin, activation.binMax
    if max(activation.values, default=0.0) <= 0:
        return "random"
    if low is None or high is None or low < 0 or high <= low:
        return "top"
    return f"interval {min(round(low / (high - low)), 999)}"
