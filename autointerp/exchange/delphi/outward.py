"""The results of one SAE of a harvest as a result folder of delphi."""

import json
import re
from collections.abc import Container, Iterator
from pathlib import Path

from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.judging import Confidence
from autointerp.domain.scores import IMPORTED, Trial
from autointerp.exchange.delphi import CONFIG, EXPLANATIONS, ORIGIN, PREFIX, SCORERS, SCORES, SILENT
from autointerp.exchange.delphi.records import Sample
from autointerp.storage import examples, explanations, features, harvests, models, saes, scores
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.records import ExplanationRecord, FeatureFilter, FeatureOrder, FeatureRow, ScoreRecord

BATCH = 200
Windows = dict[tuple[int, int], Example]


class Outward:
    """The files of one SAE as a harvest saw it."""

    def __init__(self, database: Database, folder: Path, harvest_id: str, sae_id: int) -> None:
        self._database = database
        self._folder = folder
        self.counts = {EXPLANATIONS: 0, SCORES: 0}
        self.lost: dict[str, int] = {}
        with database.read() as session:
            self._harvest = harvests.get(session, harvest_id)
            self._sae = saes.get(session, sae_id)
            self._model = models.get(session, self._sae.model_id)

    def write(self) -> None:
        """Write everything."""
        (self._folder / EXPLANATIONS).mkdir(parents=True)
        (self._folder / SCORES).mkdir()
        models_asked = {self._feature(row) for row in self._features()} - {None}
        config = {
            "model": self._model.name,
            "sparse_model": self._sparse_model(),
            "hookpoints": [self._sae.hook],
            "explainer_model": min(models_asked, key=str) if models_asked else None,
        }
        (self._folder / CONFIG).write_text(json.dumps(config, indent=4) + "\n", encoding="utf-8")

    def _features(self) -> Iterator[FeatureRow]:
        after: int | None = None
        wanted = FeatureFilter(harvest_id=self._harvest.id, sae_id=self._sae.id, explained=True)
        while True:
            with self._database.read() as session:
                rows = features.list_features(session, wanted, order=FeatureOrder.INDEX, after=after, limit=BATCH)
            yield from rows
            if len(rows) < BATCH:
                return
            after = rows[-1].id

    def _feature(self, row: FeatureRow) -> str | None:
        """Write the files of a feature; return which model explained it."""
        with self._database.read() as session:
            found = explanations.list_explanations(
                session, feature_id=row.id, harvest_id=self._harvest.id, limit=1_000_000
            )
            newest = found[-1]
            self._lose("explanations that are not the newest of their feature", len(found) - 1)
            scored = self._scores(session, newest, row)
        self._put(EXPLANATIONS, row, newest.explanation.text)
        self.counts[EXPLANATIONS] += 1
        for name, samples in scored.items():
            (self._folder / SCORES / name).mkdir(exist_ok=True)
            self._put(f"{SCORES}/{name}", row, [one.model_dump() for one in samples])
            self.counts[SCORES] += 1
        return newest.model

    def _scores(self, session: ReadSession, claim: ExplanationRecord, row: FeatureRow) -> dict[str, list[Sample]]:
        found = scores.of_explanations(session, [claim.id], run_id=None, control=None).get(claim.id, ())
        told = [score for score in found if score.control in ("", IMPORTED)]
        self._lose("scores of controls", len(found) - len(told))
        trials = scores.trials_of(session, [score.id for score in told])
        shown = examples.load(session, self._harvest.id, row.id, Split.SCORE)
        windows: Windows = {one.window: one for one in shown}
        samples: dict[str, list[Sample]] = {}
        for score in told:
            if not trials[score.id] or any(trial.window not in windows for trial in trials[score.id]):
                self._lose("scores that are not of the texts of examples", 1)
                continue
            samples[_free(_name(score), samples)] = [
                _sample(trial, windows[trial.window]) for trial in trials[score.id]
            ]
        return samples

    def _put(self, folder: str, row: FeatureRow, content: object) -> None:
        name = f"{self._sae.hook.replace('/', '--')}_latent{row.record.index}.txt"
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (self._folder / folder / name).write_text(text, encoding="utf-8")

    def _sparse_model(self) -> str:
        if self._sae.source.get("imported") == ORIGIN:
            return self._sae.name.removesuffix(f"/{self._sae.hook}")
        return self._sae.name

    def _lose(self, reason: str, count: int) -> None:
        if count:
            self.lost[reason] = self.lost.get(reason, 0) + count


def write(database: Database, folder: Path, harvest_id: str, sae_id: int) -> tuple[dict[str, int], dict[str, int]]:
    """Write a result folder; return how many files, and what is left out."""
    outward = Outward(database, folder, harvest_id, sae_id)
    outward.write()
    return outward.counts, outward.lost


def _name(score: ScoreRecord) -> str:
    """What delphi calls a scorer; one whose judge is no language model has its judge in its name."""
    scorer = score.scorer.removeprefix(PREFIX)
    name = SCORERS.get(scorer, scorer)
    judged = name if score.judge in (None, "llm") else f"{name}_{score.judge}"
    return re.sub(r"[^A-Za-z0-9_.-]", "-", judged)


def _free(name: str, taken: Container[str]) -> str:
    """The name, or with a number where the same scorer scored more than once."""
    number = 2
    free = name
    while free in taken:
        free = f"{name}_{number}"
        number += 1
    return free


def _sample(trial: Trial, example: Example) -> Sample:
    verdict = trial.answer.verdict
    likely = trial.answer.confidence if trial.answer.kind is Confidence.LOGPROB else None
    return Sample(
        str_tokens=list(example.pieces),
        activations=list(example.activations),
        distance=_distance(trial),
        activating=trial.truth,
        prediction=verdict,
        probability=likely,
        correct=None if verdict is None else verdict == trial.truth,
    )


def _distance(trial: Trial) -> float:
    """Its quantile, for an activating text; what delphi said, for one of its own."""
    word, _, said = trial.note.partition(" ")
    if word == "distance" and said:
        return float(said)
    if not trial.truth or trial.group.kind.silent:
        return SILENT
    return float(trial.group.index or 0) if trial.group.kind is Kind.QUANTILE else 0.0
