"""Two sides compared on the same features by the same scorers: two explainers, prompts, models or runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autointerp.analysis.comparison import Comparison, compare
from autointerp.analysis.verdicts import Verdicts, pair_verdicts
from autointerp.domain.scores import Trial
from autointerp.domain.seeds import rng_for
from autointerp.errors import InvalidInput
from autointerp.hashing import canonical_json
from autointerp.runs.sides import FoundSide, RunSide, find
from autointerp.storage import scores
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.run_scores import ScoreLine, UsedScorer

BATCH = 500  # pairs of scores whose trials are read at once
Key = tuple[str, str, str | None, str]


@dataclass(frozen=True, slots=True)
class ScorerComparison:
    """The two sides by one scorer; `verdicts` is None where nobody asked for it."""

    scorer: UsedScorer
    comparison: Comparison
    verdicts: Verdicts | None


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A scorer whose scores cannot be compared, and why."""

    scorer: str
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides by every scorer that scored both in the same way.

    Both were scored on the same examples where `same_harvest` and `same_seed` hold and the scorer takes its examples
    from the harvest.
    """

    first: FoundSide
    second: FoundSide
    same_harvest: bool
    same_seed: bool
    scorers: tuple[ScorerComparison, ...]
    not_compared: tuple[NotCompared, ...]


def compare_sides(database: Database, first: RunSide, second: RunSide, *, seed: int, verdicts: bool) -> Compared:
    """Compare two sides; `verdicts`: also question by question, which reads every trial.

    NotFound for an unknown run; InvalidInput when a side is not clear, or the two have nothing in common.
    """
    with database.read() as session:
        a, b = find(session, first), find(session, second)
        if a.explainer.origin == b.explainer.origin and a.run.id == b.run.id:
            raise InvalidInput(f"both sides are {a.name}; name two runs, or two explainers of one")
        shared, refused = _shared(a, b)
        return Compared(
            first=a,
            second=b,
            same_harvest=a.run.harvest_id == b.run.harvest_id,
            same_seed=a.run.spec.seed == b.run.spec.seed,
            scorers=tuple(_compare(session, a, b, *both, seed=seed, verdicts=verdicts) for both in shared),
            not_compared=tuple(refused),
        )


def _compare(
    session: ReadSession, a: FoundSide, b: FoundSide, by: UsedScorer, too: UsedScorer, *, seed: int, verdicts: bool
) -> ScorerComparison:
    first, second = _by_feature(a, by), _by_feature(b, too)
    found = compare(_values(first), _values(second), rng=rng_for(seed, "comparison", by.label))
    asked = pair_verdicts(_trials(session, first, second)) if verdicts else None
    return ScorerComparison(by, found, asked)


def _shared(a: FoundSide, b: FoundSide) -> tuple[list[tuple[UsedScorer, UsedScorer]], list[NotCompared]]:
    """The scorers of both sides that measure the same, and those that do not, each with the reason."""
    first, second = _by_key(a.scorers), _by_key(b.scorers)
    refused = [NotCompared(one.label, "only the first side has it") for key, one in first.items() if key not in second]
    refused += [
        NotCompared(one.label, "only the second side has it") for key, one in second.items() if key not in first
    ]
    shared: list[tuple[UsedScorer, UsedScorer]] = []
    for one, other in ((one, second[key]) for key, one in first.items() if key in second):
        if why := _why_not(one, other):
            refused.append(NotCompared(one.label, why))
        else:
            shared.append((one, other))
    if not shared:
        reasons = "; ".join(f"{one.scorer}: {one.why}" for one in refused)
        raise InvalidInput(f"no scorer has scored {a.name} and {b.name} in the same way ({reasons})")
    if not {line.feature_id for line in a.lines} & {line.feature_id for line in b.lines}:
        raise InvalidInput(f"{a.name} and {b.name} have no scored feature in common; compare runs over the same ones")
    return shared, refused


def _why_not(one: UsedScorer, other: UsedScorer) -> str | None:
    """Why two scorers of one name and options do not measure the same; None: they do."""
    if one.metric != other.metric:
        return f"the first side's is {one.metric}, the second side's {other.metric}"
    for name, first, second in (("models", one.models, other.models), ("prompts", one.prompts, other.prompts)):
        if first and second and first != second:
            return f"its {name} differ: {_listed(first)} on the first side, {_listed(second)} on the second"
    return None


def _listed(names: Sequence[str]) -> str:
    return " and ".join(name[:12] if len(name) == 64 else name for name in names)


def _by_key(used: Iterable[UsedScorer]) -> dict[Key, UsedScorer]:
    """The scorers by what makes them the same; of one that a spec names twice, the first."""
    found: dict[Key, UsedScorer] = {}
    for one in used:
        key = one.scorer, canonical_json(dict(one.options)), one.judge, canonical_json(dict(one.judge_options))
        found.setdefault(key, one)
    return found


def _by_feature(side: FoundSide, scorer: UsedScorer) -> dict[int, ScoreLine]:
    """A side's scores by this scorer; of a feature whose explanation changed on the way, the newest."""
    return {line.feature_id: line for line in side.lines if line.position == scorer.position}


def _values(found: Mapping[int, ScoreLine]) -> dict[int, float | None]:
    return {feature_id: line.value for feature_id, line in found.items()}


def _trials(
    session: ReadSession, first: Mapping[int, ScoreLine], second: Mapping[int, ScoreLine]
) -> Iterator[tuple[Sequence[Trial], Sequence[Trial]]]:
    """The trials of both sides, feature by feature."""
    pairs = [(first[i].score_id, second[i].score_id) for i in sorted(first.keys() & second.keys())]
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        found = scores.trials_of(session, [score_id for pair in part for score_id in pair])
        yield from ((found[one], found[other]) for one, other in part)
