"""Neuronpedia's files come in and go out; what is not ours is never taken for ours."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autointerp.domain.examples import Kind, Split
from autointerp.errors import InvalidInput
from autointerp.exchange.foundation import Target
from autointerp.exchange.neuronpedia import inward, outward
from autointerp.storage import examples, explanations, features, harvests, models, saes, scores
from autointerp.storage.engine import Database
from autointerp.storage.records import FeatureFilter, FeatureOrder, HarvestState
from tests.api.seed import FEATURES, Seeded, seed

MODEL, LAYER = "gpt2-small", "8-res-jb"


def _feature(index: int) -> dict[str, Any]:
    return {
        **{"modelId": MODEL, "layer": LAYER, "index": str(index), "creatorId": "c", "hasVector": False, "vector": []},
        **{"maxActApprox": 8.0, "frac_nonzero": 0.00125, "hookName": "blocks.8.hook_resid_pre"},
        **{"freq_hist_data_bar_heights": [3.0, 1.0], "freq_hist_data_bar_values": [1.0, 5.0]},
        **{
            "pos_str": [" os"],
            "pos_values": [1.5],
            "neg_str": ["the"],
            "neg_values": [-1.0],
            "decoder_weights_dist": [],
        },
        **{"topkCosSimIndices": [7], "topkCosSimValues": [0.5], "logits_hist_data_bar_heights": None},
    }


def _activation(index: int, tokens: list[str], values: list[float], **bins: float) -> dict[str, Any]:
    peak = values.index(max(values))
    return {
        **{"id": "a", "modelId": MODEL, "layer": LAYER, "index": str(index), "creatorId": "c", "tokens": tokens},
        **{"values": values, "maxValue": max(values), "maxValueTokenIndex": peak, "minValue": min(values)},
        **{"dfaValues": [], "binMin": None, "binMax": None, "binContains": None, **bins},
    }


def _explanation(index: int, text: str) -> dict[str, Any]:
    return {
        **{"id": f"clx{index}", "modelId": MODEL, "layer": LAYER, "index": str(index), "authorId": "c"},
        **{"description": text, "typeName": "oai_token-act-pair", "explanationModelName": "gpt-4o-mini"},
        **{"embedding": "[0.1,0.2]", "umap_x": 0, "umap_cluster": 0},
    }


def _export(folder: Path) -> Path:
    """A folder as their bucket has it."""
    parts = {
        "features": [_feature(10), _feature(2)],
        "activations": [
            _activation(2, ["import", " os", " ✓"], [0.0, 8.0, 0.5], binMin=-1.0, binMax=-1.0),
            _activation(2, ["a", " os"], [0.0, 1.5], binMin=1.0, binMax=2.0),
            _activation(2, ["no", "thing"], [0.0, 0.0]),
            _activation(10, ["", "x"], [70_000.0, 1.0]),
        ],
        "explanations": [_explanation(10, "ten"), _explanation(2, "imports of modules")],
    }
    for part, rows in parts.items():
        path = folder / "v1" / MODEL / LAYER / part / "batch-0.jsonl.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return folder


def _everything(folder: Path) -> dict[str, list[Any]]:
    return {
        str(path.relative_to(folder)): [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for path in sorted(folder.rglob("*.jsonl.gz"))
    }


def test_their_export_is_read_into_a_harvest_of_its_own(database: Database, tmp_path: Path) -> None:
    done = inward.read(database, _export(tmp_path), None)

    with database.read() as session:
        harvest = harvests.get(session, done.harvest)
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
        row = features.get_by_index(session, harvest.id, sae.id, 2)
        shown = examples.load(session, harvest.id, row.id, Split.EXPLAIN)
        [said] = explanations.list_explanations(session, feature_id=row.id, limit=9)
    assert (harvest.state, sae.name, sae.kind, sae.features) == (HarvestState.FINISHED, LAYER, "imported", 11)
    assert row.record.statistics.density == 0.00125
    assert row.record.statistics.mean == 2.0
    assert [token.piece for token in row.record.statistics.promoted] == [" os"]
    assert [(str(one.group), one.text, one.peak, one.max) for one in shown] == [
        ("top", "import os ✓", 1, 8.0),
        ("interval 1", "a os", 1, 1.5),
        ("random", "nothing", 0, 0.0),
    ]
    assert shown[2].group.kind is Kind.RANDOM
    assert (said.explanation.text, said.explainer) == ("imports of modules", "neuronpedia:oai_token-act-pair")
    assert (said.run_id, said.model, said.explanation.request) == (None, "gpt-4o-mini", "neuronpedia:clx2")
    assert done.stored == {"features": 2, "examples": 4, "explanations": 2, "scores": 0}


def test_an_import_twice_is_as_once(database: Database, tmp_path: Path) -> None:
    first = inward.read(database, _export(tmp_path), None)
    with database.read() as session:
        before = explanations.list_explanations(session, limit=9)

    again = inward.read(database, tmp_path, None)

    with database.read() as session:
        assert explanations.list_explanations(session, limit=9) == before
        assert len(harvests.list_harvests(session, after=None, limit=9)) == 1
    assert again.harvest == first.harvest


def test_our_export_comes_back_as_it_went(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    original, seeded = source
    counts, lost = outward.write(original, tmp_path / "first", seeded.harvest, seeded.sae)
    other = empty()

    done = inward.read(other, tmp_path / "first", None)
    with other.read() as session:
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
    outward.write(other, tmp_path / "second", done.harvest, sae.id)
    third = empty()
    done = inward.read(third, tmp_path / "second", None)
    outward.write(third, tmp_path / "third", done.harvest, sae.id)

    assert counts == {"features": FEATURES, "activations": 12 * FEATURES, "explanations": 2}
    assert lost == {"scores of controls": 1, "the trials of scores": 2}
    first, second = _everything(tmp_path / "first"), _everything(tmp_path / "second")
    assert _everything(tmp_path / "third") == second
    assert {name: _unmarked(rows) for name, rows in second.items()} == {
        name: _unmarked(rows) for name, rows in first.items()
    }


def _unmarked(rows: list[Any]) -> list[Any]:
    """Lines without what says whose the scores are."""
    for row in rows:
        for score in row.get("scores", []):
            del score["autointerp"]["imported"]
    return rows


def test_their_lines_have_their_columns(source: tuple[Database, Seeded], tmp_path: Path) -> None:
    outward.write(source[0], tmp_path, source[1].harvest, source[1].sae)

    files = _everything(tmp_path)
    feature = files["v1/model/1-sae/features/batch-0.jsonl.gz"][4]
    activation = files["v1/model/1-sae/activations/batch-0.jsonl.gz"][48]
    [explanation, _] = files["v1/model/1-sae/explanations/batch-0.jsonl.gz"]
    assert (feature["index"], feature["frac_nonzero"], feature["maxActApprox"]) == ("4", 0.04, 4.0)
    assert activation["tokens"] == [" the", " cat", " na", "ïve", "\n"]
    assert (activation["maxValueTokenIndex"], activation["binMin"]) == (1, -1.0)
    assert explanation["description"] == "fires on [red] cats"
    [score] = explanation["scores"]
    assert (score["value"], score["explanationScoreTypeName"]) == (0.75, "detection:lexical")
    assert (score["autointerp"]["low"], score["autointerp"]["imported"]) == (0.5, False)


def test_labels_go_into_a_harvest_that_is_there(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)
    target = Target(harvest=seeded.harvest, sae="f" * 64)

    done = inward.read(database, _export(tmp_path), target)
    again = inward.read(database, tmp_path, target)

    with database.read() as session:
        found = explanations.list_explanations(session, feature_id=seeded.features[2], limit=9)
        assert len(models.list_models(session, after=None, limit=9)) == 1
    assert [one.explanation.text for one in found] == ["imports of modules"]
    assert done.stored == again.stored == {"explanations": 2, "scores": 0}
    assert done.lost == {"activations, because the harvest has examples of its own": 4}


def test_a_label_of_a_feature_without_examples_is_left_out_and_said(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)
    _export(tmp_path)
    path = tmp_path / "v1" / MODEL / LAYER / "explanations" / "batch-1.jsonl"
    path.write_text(json.dumps(_explanation(FEATURES + 5, "none")) + "\n")

    done = inward.read(database, tmp_path, Target(harvest=seeded.harvest, sae="f" * 64))

    assert done.lost["explanations of features that have no explain examples in the harvest"] == 1


def test_the_json_of_a_feature_brings_its_scores_apart_from_ours(database: Database, tmp_path: Path) -> None:
    seeded = seed(database)
    score = {
        **{"id": "s1", "value": 0.99, "explanationScoreTypeName": "eleuther_fuzz", "jsonDetails": "[{}]"},
        **{"explanationScoreModelName": "gpt-4o", "createdAt": "2024-05-01T10:00:00.000Z"},
    }
    explanation = {**_explanation(4, "theirs"), "scores": [score]}
    del explanation["index"]
    single = {**_feature(4), "activations": [_activation(4, ["x"], [1.0])], "explanations": [explanation]}
    (tmp_path / "4.json").write_text(json.dumps(single))

    done = inward.read(database, tmp_path / "4.json", Target(harvest=seeded.harvest, sae="f" * 64))

    with database.read() as session:
        wanted = {"feature_id": seeded.features[4], "limit": 9}
        [ours] = scores.list_scores(session, **wanted)
        [theirs] = scores.list_scores(session, **wanted, control="imported")
        filter = FeatureFilter(harvest_id=seeded.harvest)
        best = features.list_features(session, filter, order=FeatureOrder.SCORE, after=None, limit=2)
    assert (ours.scorer, theirs.scorer) == ("detection", "neuronpedia:eleuther_fuzz")
    assert (theirs.score.value, theirs.score.metric, theirs.model, theirs.run_id) == (0.99, "stated", "gpt-4o", None)
    assert {row.id for row in best} == set(seeded.features[4:6])
    assert done.lost["details of scores (jsonDetails)"] == 1


def test_the_json_of_a_feature_goes_out_and_comes_in(
    source: tuple[Database, Seeded], empty: Callable[[], Database], tmp_path: Path
) -> None:
    outward.write_one(source[0], tmp_path / "4.json", source[1].harvest, source[1].sae, 4)
    other = empty()

    done = inward.read(other, tmp_path / "4.json", None)

    with other.read() as session:
        [sae] = saes.list_saes(session, model_id=None, after=None, limit=9)
    outward.write_one(other, tmp_path / "again.json", done.harvest, sae.id, 4)
    first, again = (json.loads((tmp_path / name).read_text()) for name in ("4.json", "again.json"))
    first["explanations"], again["explanations"] = _unmarked(first["explanations"]), _unmarked(again["explanations"])
    assert again == first


@pytest.mark.parametrize(
    ("part", "line", "told"),
    [
        ("features", "{", r"batch-1\.jsonl, line 2: Invalid JSON"),
        ("features", json.dumps({**_feature(3), "index": "x"}), r"batch-1\.jsonl, line 2: index"),
        ("features", json.dumps({**_feature(3), "layer": "9-res-jb"}), "one model and source"),
        ("activations", json.dumps(_activation(3, ["a"], [1.0, 2.0])), "one value for each token"),
        ("explanations", json.dumps({**_explanation(3, "x"), "index": None}), "no index"),
    ],
)
def test_a_broken_line_is_told_and_nothing_is_stored(
    empty: Callable[[], Database], tmp_path: Path, part: str, line: str, told: str
) -> None:
    good = {"features": _feature(3), "activations": _activation(3, ["a"], [1.0]), "explanations": _explanation(3, "x")}
    path = _export(tmp_path) / "v1" / MODEL / LAYER / part / "batch-1.jsonl"
    path.write_text(json.dumps(good[part]) + "\n" + line + "\n")
    database = empty()

    with pytest.raises(InvalidInput, match=told):
        inward.read(database, tmp_path, None)

    with database.read() as session:
        assert models.list_models(session, after=None, limit=9) == ()


def test_two_sources_are_imported_one_by_one(empty: Callable[[], Database], tmp_path: Path) -> None:
    other = _export(tmp_path) / "v1" / MODEL / "9-res-jb" / "features"
    other.mkdir(parents=True)
    (other / "batch-0.jsonl").write_text("")

    with pytest.raises(InvalidInput, match=r"2 sources; name one of them"):
        inward.read(empty(), tmp_path, None)
