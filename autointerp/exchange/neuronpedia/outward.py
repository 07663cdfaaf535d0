"""The features of one SAE of a harvest in Neuronpedia's files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from autointerp.domain.examples import Example, Kind, Split
from autointerp.domain.features import BINS_PER_OCTAVE, LOWEST_EXPONENT, Statistics
from autointerp.domain.scores import IMPORTED
from autointerp.exchange import lines
from autointerp.exchange.archive import batches
from autointerp.exchange.neuronpedia import ORIGIN, PREFIX, records
from autointerp.hashing import digest
from autointerp.storage import examples, explanations, features, harvests, models, saes, scores
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.records import (
    ExplanationRecord,
    FeatureFilter,
    FeatureOrder,
    FeatureRow,
    HarvestRecord,
    SaeRecord,
    ScoreRecord,
)

PER_FILE = 1024  # features, as in their files
TOP = -1.0  # their bins of the strongest examples


class Outward:
    """The records of one SAE as a harvest saw it."""

    def __init__(self, database: Database, harvest_id: str, sae_id: int) -> None:
        self._database = database
        with database.read() as session:
            self.harvest = harvests.get(session, harvest_id)
            self.sae = saes.get(session, sae_id)
            model = models.get(session, self.sae.model_id)
        self.model = model
        self.lost: dict[str, int] = {}
        self.model_id, self.layer = _names(model.name, self.sae)

    def indices(self) -> Iterator[FeatureRow]:
        """The features, in the order of their indices."""
        after: int | None = None
        wanted = FeatureFilter(harvest_id=self.harvest.id, sae_id=self.sae.id)
        while True:
            with self._database.read() as session:
                rows = features.list_features(session, wanted, order=FeatureOrder.INDEX, after=after, limit=PER_FILE)
            yield from rows
            if len(rows) < PER_FILE:
                return
            after = rows[-1].id

    def feature(self, row: FeatureRow) -> records.Feature:
        """A feature as a line."""
        return records.Feature(
            modelId=self.model_id,
            layer=self.layer,
            index=row.record.index,
            hookName=self.sae.hook,
            **_statistics(row.record.statistics),
        )

    def activations(self, row: FeatureRow) -> Iterator[records.Activation]:
        """The examples of a feature as lines."""
        with self._database.read() as session:
            shown = [one for split in Split for one in examples.load(session, self.harvest.id, row.id, split)]
        for example in shown:
            low, high = _bins(example, row.record.statistics.max, self.harvest)
            yield records.Activation(
                id=_id("activation", self.model_id, self.layer, row.record.index, *_place(example)),
                modelId=self.model_id,
                layer=self.layer,
                index=row.record.index,
                tokens=list(example.pieces),
                values=list(example.activations),
                maxValue=example.max,
                maxValueTokenIndex=example.peak,
                minValue=min(example.activations, default=0.0),
                binMin=low,
                binMax=high,
                binContains=low,
                dataIndex=str(example.context),
                autointerp=records.OwnActivation(
                    split=example.split,
                    group=str(example.group),
                    context=example.context,
                    document=example.document,
                    start=example.start,
                ),
            )

    def explanations(self, row: FeatureRow) -> list[records.Explanation]:
        """The explanations of a feature as lines, with their scores."""
        with self._database.read() as session:
            found = explanations.list_explanations(
                session, feature_id=row.id, harvest_id=self.harvest.id, limit=1_000_000
            )
            scored = self._scores(session, [record.id for record in found])
        return [self._explanation(row, record, scored.get(record.id, ())) for record in found]

    def _scores(self, session: ReadSession, ids: list[int]) -> dict[int, tuple[ScoreRecord, ...]]:
        found = scores.of_explanations(session, ids, run_id=None, control=None)
        told = {i: tuple(one for one in some if one.control in ("", IMPORTED)) for i, some in found.items()}
        self._lose("scores of controls", sum(map(len, found.values())) - sum(map(len, told.values())))
        kept = {i: tuple(one for one in some if one.score.value is not None) for i, some in told.items()}
        self._lose("scores without a value", sum(map(len, told.values())) - sum(map(len, kept.values())))
        self._lose("the trials of scores", sum(bool(one.score.asked) for some in kept.values() for one in some))
        return kept

    def _explanation(
        self, row: FeatureRow, record: ExplanationRecord, scored: tuple[ScoreRecord, ...]
    ) -> records.Explanation:
        said = record.explanation
        foreign = (said.request or "").startswith(PREFIX)
        about = [self.harvest.id, row.record.index, record.explainer, record.created_at.isoformat(), said.text]
        return records.Explanation(
            id=(said.request or "").removeprefix(PREFIX) if foreign else _id("explanation", *about),
            modelId=self.model_id,
            layer=self.layer,
            index=row.record.index,
            description=said.text,
            typeName=record.explainer.removeprefix(PREFIX),
            explanationModelName=record.model,
            createdAt=record.created_at,
            scores=[_score(one) for one in scored],
            autointerp=records.OwnExplanation(
                options=dict(record.options),
                prompt=said.prompt,
                seed=record.seed,
                tokens=record.tokens,
                cost=record.cost,
                position=record.position,
            ),
        )

    def _lose(self, reason: str, count: int) -> None:
        if count:
            self.lost[reason] = self.lost.get(reason, 0) + count


def write(database: Database, folder: Path, harvest_id: str, sae_id: int) -> tuple[dict[str, int], dict[str, int]]:
    """Write the batch export of an SAE below `folder`; return how many lines, and what is left out."""
    outward = Outward(database, harvest_id, sae_id)
    source = folder / "v1" / outward.model_id / outward.layer
    counts = {"features": 0, "activations": 0, "explanations": 0}
    for part in counts:
        (source / part).mkdir(parents=True)
    for number, rows in enumerate(batches(outward.indices(), PER_FILE)):
        parts: dict[str, Iterator[BaseModel]] = {
            "features": (outward.feature(row) for row in rows),
            "activations": (line for row in rows for line in outward.activations(row)),
            "explanations": (line for row in rows for line in outward.explanations(row)),
        }
        for part, found in parts.items():
            counts[part] += lines.write(source / part / f"batch-{number}.jsonl.gz", found)
    return counts, outward.lost


def write_one(database: Database, path: Path, harvest_id: str, sae_id: int, index: int) -> dict[str, int]:
    """Write the JSON of one feature; return what is left out."""
    outward = Outward(database, harvest_id, sae_id)
    with database.read() as session:
        row = features.get_by_index(session, harvest_id, sae_id, index)
    single = records.Single(
        **outward.feature(row).model_dump(),
        activations=list(outward.activations(row)),
        explanations=outward.explanations(row),
    )
    path.write_text(single.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return outward.lost


def _names(model: str, sae: SaeRecord) -> tuple[str, str]:
    """The ids that Neuronpedia has for a model and a source, or those that it might have."""
    if sae.source.get("imported") == ORIGIN:
        return str(sae.source["model"]), str(sae.source["name"])
    number = re.search(r"\d+", sae.hook)
    slug = re.sub(r"[^a-z0-9]+", "-", sae.name.lower()).strip("-")
    return model.rstrip("/").rpartition("/")[2], f"{number[0] if number else 0}-{slug or 'sae'}"


def _statistics(statistics: Statistics) -> dict[str, Any]:
    filled = [number for number, count in enumerate(statistics.histogram) if count]
    counts = [statistics.histogram[number] for number in filled]
    return {
        "maxActApprox": statistics.max,
        "frac_nonzero": statistics.density,
        "freq_hist_data_bar_heights": counts,
        "freq_hist_data_bar_values": [2.0 ** (LOWEST_EXPONENT + (b + 0.5) / BINS_PER_OCTAVE) for b in filled],
        "pos_str": [token.piece for token in statistics.promoted],
        "pos_values": [token.logit for token in statistics.promoted],
        "neg_str": [token.piece for token in statistics.suppressed],
        "neg_values": [token.logit for token in statistics.suppressed],
        "topkCosSimIndices": [near.feature for near in statistics.neighbours],
        "topkCosSimValues": [near.cosine for near in statistics.neighbours],
        "autointerp": records.OwnFeature(
            tokens=statistics.tokens,
            firings=statistics.firings,
            sum=statistics.sum,
            sum_of_squares=statistics.sum_of_squares,
            filled=filled,
            counts=counts,
            top_tokens=[
                records.TopToken(piece=token.piece, count=token.count, mean=token.mean)
                for token in statistics.top_tokens
            ],
            neighbours=[
                records.Near(index=near.feature, cosine=near.cosine, coactivation=near.coactivation)
                for near in statistics.neighbours
            ],
        ),
    }


def _place(example: Example) -> tuple[object, ...]:
    return example.split, example.group, example.context, example.start


def _bins(example: Example, largest: float, harvest: HarvestRecord) -> tuple[float | None, float | None]:
    """Their bin of an example: that of its interval, and a mark for the strongest ones."""
    kind, index = example.group.kind, example.group.index
    if kind is Kind.TOP:
        return TOP, TOP
    if example.silent:
        return 0.0, 0.0
    if kind is Kind.INTERVAL and index is not None:
        width = largest / harvest.spec.intervals
        return index * width, (index + 1) * width
    return None, None


def _score(record: ScoreRecord) -> records.Score:
    score = record.score
    scorer = record.scorer.removeprefix(PREFIX)
    low, high = score.interval or (None, None)
    return records.Score(
        value=score.value or 0.0,
        explanationScoreTypeName=f"{scorer}:{record.judge}" if record.judge else scorer,
        explanationScoreModelName=record.model or "",
        jsonDetails="",
        createdAt=record.created_at,
        autointerp=records.OwnScore(
            scorer=scorer,
            judge=record.judge,
            options=dict(record.options),
            judge_options=dict(record.judge_options),
            metric=score.metric,
            low=low,
            high=high,
            asked=score.asked,
            answered=score.answered,
            unread=dict(score.unread),
            metrics=dict(score.metrics),
            breakdown=[
                records.OwnGroup(
                    group=one.group,
                    asked=one.asked,
                    answered=one.answered,
                    correct=one.correct,
                    mean_confidence=one.mean_confidence,
                    tied=one.tied,
                )
                for one in score.breakdown
            ],
            prompt=score.prompt,
            seed=record.seed,
            tokens=record.tokens,
            cost=record.cost,
            imported=record.control == IMPORTED,
        ),
    )


def _id(kind: str, *about: object) -> str:
    """An id that is the same in every export."""
    return f"ai{digest([kind, *map(str, about)])[:22]}"
