"""delphi's result folders come in and go out; its scores stand apart from ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autointerp.domain.examples import Split
from autointerp.errors import InvalidInput
from autointerp.exchange.delphi import inward, outward
from autointerp.exchange.foundation import Target
from autointerp.storage import examples, explanations, features, harvests, models, saes, scores
from autointerp.storage.engine import Database
from autointerp.storage.records import HarvestState
from tests.api.seed import Seeded, seed

HOOK = "layers.2"


def _sample(text: list[str], values: list[float], *, distance: float, prediction: bool | None) -> dict[str, Any]:
    activating = max(values) > 0
    return {
        "str_tokens": text,
        "activations": values,
        "distance": distance,
        "activating": activating,
        "prediction": prediction,
        "probability": None,
        "correct": None if prediction is None else prediction == activating,
    }


SAMPLES = [
    _sample(["a", " cat"], [0.0, 4.0], distance=9.0, prediction=True),
    _sample(["one", " cat"], [0.0, 1.0], distance=0.0, prediction=False),
    _sample(["no", " dog"], [0.0, 0.0], distance=-1.0, prediction=False),
    _sample(["no", "thing"], [0.0, 0.0], distance=-1.0, prediction=None),
]


def _results(folder: Path, hook: str = HOOK) -> Path:
    name = hook.replace("/", "--")
    files = {
        f"explanations/{name}_latent5.txt": "Cats.",
        f"explanations/{name}_latent12.txt": 'Dogs; "quoted" ✓',
        f"scores/detection/{name}_latent5.txt": SAMPLES,
        f"scores/fuzz/{name}_latent5.txt": [*SAMPLES[:2], {**SAMPLES[2], "prediction": True, "correct": False}],
        "run_config.json": {
            **{"model": "org/pythia", "sparse_model": "org/sae", "hookpoints": [hook], "seed": 22},
            "explainer_model": "org/llama",
        },
    }
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(json.dumps(content))
    (folder / "log").mkdir(exist_ok=True)
    return folder


def _everything(folder: Path) -> dict[str, Any]:
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("*") if path.is_file()}


def test_a_result_folder_is_read_into_a_harvest_of_its_own(database: Database, tmp_path: Path) -> None:
    done = inward.read(database, _results(tmp_path), None, hook=None)

    with database.read() as session:
        harvest = harvests.get(session, done.harvest)
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
        row = features.get_by_index(session, harvest.id, sae.id, 5)
        shown = examples.load(session, harvest.id, row.id, Split.SCORE)
        [said] = explanations.list_explanations(session, feature_id=row.id, limit=9)
        detection, fuzz = scores.list_scores(session, feature_id=row.id, control="imported", limit=9)
        ours = scores.list_scores(session, limit=9)
        trials = scores.trials(session, detection.id)
    assert (harvest.state, sae.hook, row.record.statistics.max) == (HarvestState.FINISHED, HOOK, 4.0)
    assert [(str(one.group), one.text, one.peak) for one in shown] == [
        ("quantile 9", "a cat", 1),
        ("quantile 0", "one cat", 1),
        ("random", "no dog", 0),
        ("random", "nothing", 0),
    ]
    assert (said.explanation.text, said.explainer, said.model) == ("Cats.", "delphi:explainer", "org/llama")
    assert ours == ()
    assert (detection.scorer, fuzz.scorer) == ("delphi:detection", "delphi:fuzz")
    assert (detection.score.value, detection.score.asked, detection.score.unread) == (0.75, 4, {"failed": 1})
    assert fuzz.score.value == 0.25
    assert [trial.answer.verdict for trial in trials] == [True, False, False, None]
    assert [trial.window for trial in trials] == [one.window for one in shown]
    assert done.stored == {"features": 2, "explanations": 2, "scores": 2}


def test_a_result_folder_comes_back_as_it_was(empty: Callable[[], Database], tmp_path: Path) -> None:
    database = empty()
    done = inward.read(database, _results(tmp_path / "theirs"), None, hook=HOOK)
    inward.read(database, tmp_path / "theirs", None, hook=HOOK)

    with database.read() as session:
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
    counts, lost = outward.write(database, tmp_path / "again", done.harvest, sae.id)

    theirs, again = _everything(tmp_path / "theirs"), _everything(tmp_path / "again")
    assert (counts, lost) == ({"explanations": 2, "scores": 2}, {})
    del theirs["run_config.json"]["seed"]
    assert again == theirs


def test_our_results_go_out_as_delphi_reads_them(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)
    with database.read() as session:
        [score] = scores.list_scores(session, feature_id=seeded.features[4], limit=9)

    counts, lost = outward.write(database, tmp_path / "out", seeded.harvest, seeded.sae)

    files = _everything(tmp_path / "out")
    [first, second] = files["scores/detection_lexical/model.layers.1_latent4.txt"]
    assert (counts, lost) == ({"explanations": 2, "scores": 2}, {})
    assert files["explanations/model.layers.1_latent4.txt"] == "fires on [red] cats"
    assert first["str_tokens"] == [" the", " cat", " na", "ïve", "\n"]
    assert (first["activating"], first["prediction"], first["correct"]) == (True, True, True)
    assert (second["prediction"], second["correct"], second["probability"]) == (None, None, None)
    assert score.score.asked == 2


def test_our_export_comes_back_as_it_went(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    outward.write(source[0], tmp_path / "first", source[1].harvest, source[1].sae)
    other = empty()

    done = inward.read(other, tmp_path / "first", None, hook=None)

    with other.read() as session:
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
    outward.write(other, tmp_path / "again", done.harvest, sae.id)
    assert _everything(tmp_path / "again") == _everything(tmp_path / "first")


def test_labels_go_into_a_harvest_that_is_there(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)

    done = inward.read(database, _results(tmp_path), Target(harvest=seeded.harvest, sae="f" * 64), hook=None)

    with database.read() as session:
        *_, theirs = explanations.list_explanations(session, feature_id=seeded.features[5], limit=9)
        assert len(scores.list_scores(session, feature_id=seeded.features[5], limit=9)) == 1
        assert len(scores.list_scores(session, feature_id=seeded.features[5], control="imported", limit=9)) == 2
        assert len(models.list_models(session, after=None, limit=9)) == 1
    assert theirs.explanation.text == "Cats."
    assert done.lost == {
        "texts of samples, because the harvest has examples of its own": 7,
        "explanations of features that have no explain examples in the harvest": 1,
    }


def test_a_scorer_whose_files_are_of_another_kind_is_left_out_and_said(
    empty: Callable[[], Database], tmp_path: Path
) -> None:
    (_results(tmp_path) / "scores" / "simulation").mkdir()
    (tmp_path / "scores" / "simulation" / f"{HOOK}_latent5.txt").write_text('[{"ev_correlation_score": 0.5}]')

    done = inward.read(empty(), tmp_path, None, hook=None)

    assert done.stored["scores"] == 2
    assert done.lost == {"scores of simulation, which are no texts with a yes or no": 1}


def test_one_of_several_hook_points_is_named(empty: Callable[[], Database], tmp_path: Path) -> None:
    _results(tmp_path)
    _results(tmp_path, hook="model/layers.21")

    with pytest.raises(InvalidInput, match=r"layers\.2, model/layers\.21; name one"):
        inward.read(empty(), tmp_path, None, hook=None)
    with pytest.raises(InvalidInput, match=r"no results of layers\.3"):
        inward.read(empty(), tmp_path, None, hook="layers.3")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("explanations/layers.2_latent5.txt", "Cats, without quotes", r"explanations/layers\.2_latent5\.txt"),
        ("scores/fuzz/layers.2_latent5.txt", '[{"str_tokens": ["a"]}]', r"fuzz/layers\.2_latent5\.txt.*0\.activations"),
        (
            "scores/fuzz/layers.2_latent5.txt",
            json.dumps([{**SAMPLES[0], "activations": [1.0]}]),
            "one activation for each token",
        ),
    ],
)
def test_a_broken_file_is_told_and_nothing_is_stored(
    empty: Callable[[], Database], tmp_path: Path, file: str, content: str, told: str
) -> None:
    (_results(tmp_path) / file).write_text(content)
    database = empty()

    with pytest.raises(InvalidInput, match=told):
        inward.read(database, tmp_path, None, hook=None)

    with database.read() as session:
        assert models.list_models(session, after=None, limit=9) == ()
