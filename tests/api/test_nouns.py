"""Every noun can be listed and read, and says what storage holds."""

import pytest
from fastapi.testclient import TestClient

from autointerp.domain.examples import Split
from autointerp.storage import examples
from tests.api.conftest import Library
from tests.api.seed import FEATURES, Seeded


def test_a_model_is_listed_and_read(reader: TestClient, seeded: Seeded) -> None:
    listed = reader.get("/v1/models").json()
    read = reader.get(f"/v1/models/{seeded.model}").json()

    assert listed == {"items": [read], "next": None}
    assert (read["name"], read["width"], read["max_context"]) == ("somewhere/model", 4, 32)


def test_saes_are_listed_for_their_model_only(reader: TestClient, seeded: Seeded) -> None:
    of_model = reader.get("/v1/saes", params={"model_id": seeded.model}).json()
    of_another = reader.get("/v1/saes", params={"model_id": seeded.model + 1}).json()

    assert of_model["items"] == [reader.get(f"/v1/saes/{seeded.sae}").json()]
    assert of_another["items"] == []


def test_harvests_are_listed_newest_first(reader: TestClient, seeded: Seeded) -> None:
    listed = reader.get("/v1/harvests").json()["items"]

    assert [harvest["id"] for harvest in listed] == [seeded.waiting_harvest, seeded.harvest]
    assert reader.get(f"/v1/harvests/{seeded.harvest}").json() == listed[1]
    assert (listed[1]["state"], listed[1]["tokens_done"], listed[1]["sae_ids"]) == ("finished", 1_000, [seeded.sae])


def test_features_are_listed_by_sae_as_its_newest_finished_harvest_saw_them(reader: TestClient, seeded: Seeded) -> None:
    by_sae = reader.get("/v1/features", params={"sae_id": seeded.sae}).json()
    by_harvest = reader.get("/v1/features", params={"harvest_id": seeded.harvest}).json()

    assert by_sae["items"] == by_harvest["items"]
    assert [feature["index"] for feature in by_sae["items"]] == list(range(FEATURES))
    assert by_sae["items"][3]["density"] == 0.03
    assert by_sae["items"][3]["top_tokens"] == [" cat"]


@pytest.mark.parametrize(
    ("filters", "indices"),
    [
        ({"start": 3, "stop": 5}, [3, 4]),
        ({"min_density": 0.1}, [10, 11]),
        ({"max_density": 0.01}, [0, 1]),
        ({"min_firings": 105}, [11]),
        ({"explained": True}, [4, 5]),
        ({"text": "[RED]"}, [4, 5]),
        ({"text": "no such words"}, []),
        ({"order": "max", "min_density": 0.1}, [11, 10]),
    ],
)
def test_filters_choose_features(
    reader: TestClient, seeded: Seeded, filters: dict[str, str], indices: list[int]
) -> None:
    listed = reader.get("/v1/features", params={"sae_id": seeded.sae, **filters}).json()

    assert [feature["index"] for feature in listed["items"]] == indices


def test_a_feature_is_the_same_by_id_and_by_index(reader: TestClient, seeded: Seeded) -> None:
    by_id = reader.get(f"/v1/features/{seeded.features[7]}")
    by_index = reader.get(f"/v1/saes/{seeded.sae}/features/7")
    of_harvest = reader.get(f"/v1/features/{seeded.features[7]}", params={"harvest_id": seeded.harvest})

    assert by_id.status_code == 200
    assert by_id.json() == by_index.json() == of_harvest.json()


def test_a_feature_shows_its_examples_as_text_with_activations(
    reader: TestClient, seeded: Seeded, library: Library
) -> None:
    shown = reader.get(f"/v1/features/{seeded.features[7]}").json()

    with library.database.read() as session:
        stored = examples.load(session, seeded.harvest, seeded.features[7], Split.EXPLAIN)
    windows = [window for group in shown["groups"] for window in group["examples"]]
    assert sorted("".join(window["pieces"]) for window in windows) == sorted(example.text for example in stored)
    top = next(group for group in shown["groups"] if group["kind"] == "top")
    assert top["examples"][0]["pieces"] == [" the", " cat", " na", "ïve", "\n"]
    assert top["examples"][0]["activations"] == [0.0, 2.0, 0.0, 0.0, 0.0]
    assert top["examples"][0]["document"] == "100000"
    indices = {group["kind"]: group["index"] for group in shown["groups"]}
    assert indices == {"top": None, "interval": 3, "quantile": 0, "random": None}
    assert shown["histogram"] == [{"low": 1.0, "high": 2**0.25, "count": 70}]


def test_the_splits_to_show_can_be_chosen(reader: TestClient, seeded: Seeded) -> None:
    path = f"/v1/features/{seeded.features[7]}"

    default = reader.get(path).json()["groups"]
    both = reader.get(path, params={"split": ["score", "explain"]}).json()["groups"]

    assert {group["split"] for group in default} == {"explain"}
    assert [group["split"] for group in both] == ["explain"] * 4 + ["score"] * 4


def test_explanations_are_found_by_feature_harvest_and_run(reader: TestClient, seeded: Seeded) -> None:
    read = reader.get(f"/v1/explanations/{seeded.explanations[0]}").json()

    for by in ({"feature_id": read["feature_id"]}, {"run_id": seeded.run}, {"harvest_id": seeded.harvest}):
        assert reader.get("/v1/explanations", params=by).json()["items"][0] == read
    assert reader.get("/v1/explanations", params={"run_id": seeded.waiting_run}).json()["items"] == []
    assert (read["text"], read["shown"]) == ("fires on [red] cats", [{"context": 10, "start": 2}])


def test_a_score_shows_its_interval_counts_and_breakdown(reader: TestClient, seeded: Seeded) -> None:
    listed = reader.get("/v1/scores", params={"explanation_id": seeded.explanations[0]}).json()["items"]
    read = reader.get(f"/v1/scores/{seeded.scores[0]}").json()

    assert listed == [read]
    assert (read["value"], read["interval"]) == (0.75, {"low": 0.5, "high": 1.0})
    assert (read["asked"], read["answered"], read["unread"]) == (2, 1, {"refused": 1})
    assert read["metrics"] == {"balanced_accuracy": 0.75, "auroc": None}
    assert read["breakdown"][0]["accuracy"] == 1.0
    assert read["cost"] is None


def test_trials_come_in_pages(reader: TestClient, seeded: Seeded) -> None:
    path = f"/v1/scores/{seeded.scores[0]}/trials"
    whole = reader.get(path).json()

    first = reader.get(path, params={"limit": 1}).json()
    second = reader.get(path, params={"limit": 1, "cursor": first["next"]}).json()

    assert (len(whole["items"]), whole["next"]) == (2, None)
    assert [first["items"], second["items"]] == [[whole["items"][0]], [whole["items"][1]]]
    assert second["next"] is None


def test_trials_tell_an_unread_reply_from_a_wrong_one(reader: TestClient, seeded: Seeded) -> None:
    trials = reader.get(f"/v1/scores/{seeded.scores[0]}/trials").json()["items"]

    assert [(trial["verdict"], trial["unread"]) for trial in trials] == [(True, None), (None, "refused")]


def test_a_run_shows_what_was_done_and_what_was_not(reader: TestClient, seeded: Seeded) -> None:
    run = reader.get(f"/v1/runs/{seeded.run}").json()

    assert (run["state"], run["name"]) == ("complete_with_failures", "seeded")
    done = run["progress"]
    assert [done[key] for key in ("waiting", "done", "failed", "explanations", "unread", "scores")] == [
        0,
        3,
        1,
        2,
        1,
        2,
    ]
    assert done["failures"] == reader.get(f"/v1/runs/{seeded.run}/failures").json()["items"]
    assert [(f["index"], f["reason"]) for f in done["failures"]] == [(7, "the server refused the request")]


def test_a_run_lists_the_replies_that_could_not_be_read(reader: TestClient, seeded: Seeded) -> None:
    unread = reader.get(f"/v1/runs/{seeded.run}/unread").json()["items"]

    assert [(reply["kind"], reply["raw"]) for reply in unread] == [("truncated", "The feat")]


def test_runs_are_listed_newest_first_and_by_state(reader: TestClient, seeded: Seeded) -> None:
    everything = reader.get("/v1/runs").json()["items"]
    waiting = reader.get("/v1/runs", params={"state": "waiting"}).json()["items"]

    assert [run["id"] for run in everything] == [seeded.waiting_run, seeded.run]
    assert waiting == everything[:1]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"scorer": "detection", "judge": "lexical"}, 2),
        ({"scorer": "fuzzing"}, 0),
        ({"judge": "llm"}, 0),
        ({"min_value": 0.75, "max_value": 0.75}, 2),
        ({"min_value": 0.76}, 0),
        ({"max_value": 0.74}, 0),
    ],
)
def test_scores_are_filtered(reader: TestClient, seeded: Seeded, filters: dict[str, object], count: int) -> None:
    found = reader.get("/v1/scores", params={"run_id": seeded.run, **filters}).json()["items"]

    assert [score["id"] for score in found] == list(seeded.scores[:count])


@pytest.mark.parametrize(("explainer", "count"), [("token_statistics", 2), ("default", 0)])
def test_explanations_are_filtered(reader: TestClient, seeded: Seeded, explainer: str, count: int) -> None:
    found = reader.get("/v1/explanations", params={"run_id": seeded.run, "explainer": explainer}).json()["items"]

    assert [one["id"] for one in found] == list(seeded.explanations[:count])
