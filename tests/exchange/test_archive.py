"""An archive holds everything: stored in an empty database it gives the same archive, and twice is as once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from autointerp.api.schemas.scores import Score
from autointerp.domain.examples import Split
from autointerp.domain.explanations import Explanation
from autointerp.errors import InvalidInput
from autointerp.exchange import archive, lines
from autointerp.exchange.nouns import NOUNS, Noun
from autointerp.storage import examples, explanations, features, harvests, models, runs, scores
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureFilter, FeatureOrder, HarvestState, RunState
from tests.api.seed import FEATURES, Seeded, seed

KINDS: list[archive.Kind] = ["jsonl", "parquet"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> archive.Kind:
    """The kinds of archives."""
    return request.param


def _written(database: Database, folder: Path, kind: archive.Kind) -> dict[str, Any]:
    folder.mkdir()
    archive.write(database, folder, kind=kind, harvest_id=None)
    if kind == "jsonl":
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    return {path.name: pq.read_table(path).to_pylist() for path in folder.glob("*.parquet")}


def test_an_archive_gives_the_same_archive(
    source: tuple[Database, Seeded], database: Database, tmp_path: Path, kind: archive.Kind
) -> None:
    first = _written(source[0], tmp_path / "first", kind)

    archive.read(database, tmp_path / "first")
    once = _written(database, tmp_path / "once", kind)
    archive.read(database, tmp_path / "first")
    twice = _written(database, tmp_path / "twice", kind)

    assert once == first
    assert twice == first


def test_both_kinds_hold_the_same(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    as_lines = _written(source[0], tmp_path / "lines", "jsonl")
    _written(source[0], tmp_path / "tables", "parquet")
    other = empty()

    archive.read(other, tmp_path / "tables")

    assert _written(other, tmp_path / "again", "jsonl") == as_lines


def test_everything_is_there_after_an_import(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    original, seeded = source
    _written(original, tmp_path / "archive", "jsonl")
    other = empty()

    rows = archive.read(other, tmp_path / "archive")

    assert (rows["features"], rows["examples"], rows["scores"]) == (FEATURES, 3 * FEATURES, 3)
    with original.read() as before, other.read() as after:
        assert harvests.get(after, seeded.harvest).state == HarvestState.FINISHED
        assert runs.get(after, seeded.run) == runs.get(before, seeded.run)
        [model] = models.list_models(after, after=None, limit=9)
        feature = features.get_by_index(after, seeded.harvest, 1, 4)
        assert feature.record == features.get(before, seeded.harvest, seeded.features[4]).record
        for split in Split:
            loaded = examples.load(after, seeded.harvest, feature.id, split)
            assert loaded == examples.load(before, seeded.harvest, seeded.features[4], split)
        [score, *_] = scores.list_scores(after, feature_id=feature.id, limit=9)
        [was, *_] = scores.list_scores(before, feature_id=seeded.features[4], limit=9)
        assert scores.trials(after, score.id) == scores.trials(before, was.id)
        assert Score.of(score).model_dump(exclude={"id"}) == Score.of(was).model_dump(exclude={"id"})
        assert model.name == "somewhere/model"


def test_features_are_sorted_by_the_scores_that_were_imported(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    _written(source[0], tmp_path / "archive", "jsonl")
    other = empty()

    archive.read(other, tmp_path / "archive")

    assert _from_best(other, source[1].harvest) == _from_best(source[0], source[1].harvest) != list(range(FEATURES))


def _from_best(database: Database, harvest_id: str) -> list[int]:
    """The indices of the features from the best score on."""
    wanted, order = FeatureFilter(harvest_id=harvest_id), FeatureOrder.SCORE
    with database.read() as session:
        rows = features.list_features(session, wanted, order=order, after=None, limit=FEATURES)
    return [row.record.index for row in rows]


def test_what_is_under_way_is_left_out(source: tuple[Database, Seeded], tmp_path: Path) -> None:
    files = _written(source[0], tmp_path / "archive", "jsonl")

    assert source[1].waiting_harvest not in files["harvests.jsonl"].decode()
    assert source[1].waiting_run not in files["runs.jsonl"].decode()


def test_what_is_stored_while_an_archive_is_written_is_in_none_of_its_files(
    empty: Callable[[], Database],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: archive.Kind,
) -> None:
    database = empty()
    seeded = seed(database)
    before = _written(database, tmp_path / "before", kind)
    write = archive._write  # pyright: ignore[reportPrivateUsage]

    def meanwhile(noun: Noun, *rest: Any) -> int:
        count = write(noun, *rest)
        if noun.name == "runs":
            with database.write() as session:
                explanations.add(
                    session,
                    run_id=seeded.waiting_run,
                    harvest_id=seeded.harvest,
                    feature_id=seeded.features[3],
                    position=0,
                    explainer="token_statistics",
                    options={},
                    explanation=Explanation("meanwhile", ((1, 0),), None, None),
                    model=None,
                    seed=0,
                    tokens=0,
                    cost=0,
                )
                assert runs.set_state(session, seeded.waiting_run, RunState.CANCELLED)
        return count

    monkeypatch.setattr(archive, "_write", meanwhile)
    during = _written(database, tmp_path / "during", kind)

    assert during == before
    assert archive.read(empty(), tmp_path / "during")["runs"] == 1


def test_an_archive_is_added_to_what_is_there(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    _written(source[0], tmp_path / "archive", "jsonl")
    other = empty()
    own = seed(other)

    archive.read(other, tmp_path / "archive")

    with other.read() as session:
        assert {run.id for run in runs.list_runs(session, state=None, after=None, limit=9)} == {
            *(own.run, own.waiting_run, source[1].run)
        }
        assert len(scores.list_scores(session, run_id=source[1].run, limit=9)) == 2
        assert len(models.list_models(session, after=None, limit=9)) == 1


@pytest.mark.parametrize(
    ("file", "broken", "told"),
    [
        ("scores.jsonl", lambda line: line[:-20], "line 2"),
        ("scores.jsonl", lambda line: line.replace(b'"asked":2', b'"asked":"many"'), "line 2: asked"),
        ("features.jsonl", lambda line: line.replace(b'"max":1.0', b'"max":NaN'), "line 2"),
        ("explanations.jsonl", lambda line: line.replace(b'"text"', b'"txet"'), "line 2: "),
        ("scores.jsonl", lambda line: b"", "the manifest says 3"),
        ("explanations.jsonl", lambda line: re.sub(rb'"index":\d+', b'"index":99', line), "refers to feature 99 of"),
        ("scores.jsonl", lambda line: re.sub(rb'"run":"[^"]+"', b'"run":"nope"', line), "refers to the run nope"),
        ("examples.jsonl", lambda line: re.sub(rb'"harvest":"[^"]+"', b'"harvest":"h"', line), "to the harvest h,"),
        ("harvests.jsonl", lambda line: re.sub(rb'"model":"[^"]+"', b'"model":"m"', line), "refers to the model m"),
    ],
)
def test_a_broken_line_is_told_and_nothing_is_stored(
    source: tuple[Database, Seeded],
    empty: Callable[[], Database],
    tmp_path: Path,
    file: str,
    broken: Callable[[bytes], bytes],
    told: str,
) -> None:
    _written(source[0], tmp_path / "archive", "jsonl")
    path = tmp_path / "archive" / file
    rows = path.read_bytes().splitlines()
    place = min(1, len(rows) - 1)
    rows[place] = broken(rows[place])
    path.write_bytes(b"\n".join(rows) + b"\n")
    other = empty()

    with pytest.raises(InvalidInput, match=f"{file}.*{told}"):
        archive.read(other, tmp_path / "archive")

    with other.read() as session:
        assert models.list_models(session, after=None, limit=9) == ()


def test_a_damaged_table_is_told(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    _written(source[0], tmp_path / "archive", "parquet")
    path = tmp_path / "archive" / "scores.parquet"
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(InvalidInput, match=r"scores\.parquet is damaged"):
        archive.read(empty(), tmp_path / "archive")


def test_an_import_that_is_broken_off_is_seen_and_completed(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    first = _written(source[0], tmp_path / "archive", "jsonl")
    other = empty()
    for noun in NOUNS[:7]:
        for row in lines.read(tmp_path / "archive" / f"{noun.name}.jsonl", noun.record):
            with other.write() as session:
                noun.store(session, [row])
    with other.read() as session:
        broken = harvests.get(session, source[1].harvest)

    archive.read(other, tmp_path / "archive")

    assert (broken.state, "import it again" in str(broken.error)) == (HarvestState.FAILED, True)
    assert _written(other, tmp_path / "again", "jsonl") == first


def test_an_archive_without_its_manifest_is_refused(empty: Callable[[], Database], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no manifest\.json"):
        archive.read(empty(), tmp_path)


def test_one_harvest_is_written_alone(source: tuple[Database, Seeded], tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()

    rows = archive.write(source[0], tmp_path / "one", kind="jsonl", harvest_id=source[1].harvest)

    assert (rows["harvests"], rows["runs"], rows["scores"]) == (1, 1, 3)
    assert json.loads((tmp_path / "one" / "manifest.json").read_text())["rows"] == rows
