"""Runs with the scores that a test wants, over the features of the seeded database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autointerp.domain.explanations import Explanation
from autointerp.domain.scores import Score, Trial
from autointerp.domain.specs import PluginSpec, RunSpec, ScorerSpec
from autointerp.storage import explanations, run_features, runs, scores
from autointerp.storage.engine import Database, WriteSession
from tests.api.seed import FEATURES, Seeded, seed

DETECTION = ScorerSpec(name="detection", judge=PluginSpec(name="lexical"))
FUZZING = ScorerSpec(name="fuzzing", judge=PluginSpec(name="lexical"))
SIMULATION = ScorerSpec(name="simulation")
Values = Sequence[float | str | None]  # one a feature; a sentence: undefined for this reason; None: not scored


@dataclass(frozen=True)
class Stage:
    """A seeded database of twelve features, and a way to add runs to it."""

    database: Database
    seeded: Seeded

    def run(
        self,
        *values: Mapping[int, Values],
        explainers: Sequence[str | PluginSpec] = ("default",),
        scorers: Sequence[ScorerSpec] = (DETECTION,),
        claims: Sequence[int] = (),
        seed: int = 0,
        judged_by: str | None = None,
        prompt: str | None = None,
        trials: Callable[[int], tuple[Trial, ...]] = lambda feature: (),
    ) -> str:
        """Store a run: for each explainer, what each scorer (by position) gave to the features from 0 on.

        `claims` are explanations by other runs to score instead of explaining, one a feature.
        """
        by = tuple(PluginSpec(name=one) if isinstance(one, str) else one for one in explainers)
        spec = RunSpec(
            harvest=self.seeded.harvest,
            explainers=() if claims else by,
            scorers=tuple(scorers),
            seed=seed,
        )
        with self.database.write() as session:
            run_id = runs.create(session, spec, harvest_id=self.seeded.harvest, idempotency_key=None).id
            run_features.add(session, run_id, self.seeded.features, chunk=10)
            for place, by_scorer in enumerate(values):
                explained = claims or self._explain(session, run_id, place, by[place])
                for position, row in by_scorer.items():
                    new = [
                        scores.NewScore(
                            run_id=run_id,
                            explanation_id=explained[i],
                            position=position,
                            scorer=scorers[position].name,
                            judge=judge.name if (judge := scorers[position].judge) else None,
                            options=scorers[position].options,
                            judge_options=judge.options if judge else {},
                            model=judged_by,
                            seed=seed,
                            score=_score(value, trials(i), prompt),
                            tokens=0,
                            cost=0,
                        )
                        for i, value in enumerate(row)
                        if value is not None
                    ]
                    scores.add_all(session, new)
        return run_id

    def claims(self, run_id: str) -> list[int]:
        """The explanations that a run made, by feature."""
        with self.database.read() as session:
            found = explanations.of_run(session, run_id, self.seeded.features)
        return [found[feature][0].id for feature in self.seeded.features]

    def _explain(self, session: WriteSession, run_id: str, position: int, explainer: PluginSpec) -> list[int]:
        return [
            explanations.add(
                session,
                run_id=run_id,
                harvest_id=self.seeded.harvest,
                feature_id=feature_id,
                position=position,
                explainer=explainer.name,
                options=explainer.options,
                explanation=Explanation("fires on cats", shown=((10, 2),), prompt=f"prompt of {explainer.name}"),
                model=f"openai/{explainer.name}",
                seed=0,
                tokens=0,
                cost=0,
            )
            for feature_id in self.seeded.features
        ]


def stage(database: Database) -> Stage:
    """Fill a database."""
    return Stage(database, seed(database))


def rising(slope: float = 0.05, *, start: float = 0.2) -> list[float]:
    """A score for each of the twelve features, rising with its index."""
    return [start + slope * i for i in range(FEATURES)]


def _score(value: float | str, trials: tuple[Trial, ...], prompt: str | None) -> Score:
    number = None if isinstance(value, str) else value
    return Score(
        value=number,
        undefined=value if isinstance(value, str) else None,
        metric="balanced_accuracy",
        interval=None,
        asked=len(trials),
        answered=len(trials),
        unread={},
        metrics={},
        breakdown=(),
        trials=trials,
        prompt=prompt if number is not None else None,
    )
