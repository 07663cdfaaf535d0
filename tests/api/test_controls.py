"""A run's scores beside their controls."""

from fastapi.testclient import TestClient

from autointerp.analysis.controls import Measure, Measured, against
from autointerp.api.schemas.controls import RunControls
from autointerp.domain.labels import labels
from autointerp.runs.controls import Controlled
from autointerp.storage import budgets, run_features, runs, scores
from autointerp.storage.engine import Database
from tests.api.seed import Seeded, seed


def with_controls(database: Database) -> tuple[Seeded, str]:
    """The seeded database, with one more run: two features, each with a control."""
    seeded = seed(database)
    with database.write() as session:
        first = runs.get(session, seeded.run)
        run = runs.create(session, first.spec, harvest_id=seeded.harvest, idempotency_key=None).id
        budgets.open_budget(session, run, first.spec.budget)
        run_features.add(session, run, seeded.features[4:6], chunk=10, sample=set(seeded.features[4:6]))
        for explanation, other in (seeded.explanations, seeded.explanations[::-1]):
            for control, value, borrowed in (("", 0.75, None), ("shuffled", 0.5, other)):
                scores.add(session, _score(run, explanation, value, control, borrowed))
    return seeded, run


def _score(run: str, explanation: int, value: float, control: str, borrowed: int | None) -> scores.NewScore:
    return scores.NewScore(
        run_id=run,
        explanation_id=explanation,
        position=0,
        scorer="detection",
        judge="lexical",
        options={},
        judge_options={},
        model=None,
        seed=0,
        score=scores.Score(value, None, "balanced_accuracy", None, 0, 0, {}, {}, (), ()),
        tokens=0,
        cost=0,
        control=control,
        borrowed_id=borrowed,
    )


def test_each_score_is_shown_beside_its_control(client: TestClient, database: Database) -> None:
    _, run = with_controls(database)

    assert client.get(f"/v1/runs/{run}/controls").json() == {
        "sample": 2,
        "items": [
            {
                "explainer": "token_statistics",
                "explainer_label": "token_statistics",
                "scorer": "detection",
                "scorer_label": "detection:lexical",
                "judge": "lexical",
                "metric": "balanced_accuracy",
                "control": "shuffled",
                "features": 2,
                "undefined": 0,
                "score": 0.75,
                "control_score": 0.5,
                "difference": {"low": 0.25, "high": 0.25},
            }
        ],
    }


def test_controls_are_listed_for_who_asks_for_them_only(client: TestClient, database: Database) -> None:
    seeded, run = with_controls(database)

    proper = client.get("/v1/scores", params={"run_id": run}).json()["items"]
    shuffled = client.get("/v1/scores", params={"run_id": run, "control": "shuffled"}).json()["items"]

    assert [("", None)] * 2 == [(one["control"], one["borrowed_id"]) for one in proper]
    assert [("shuffled", seeded.explanations[1]), ("shuffled", seeded.explanations[0])] == [
        (one["control"], one["borrowed_id"]) for one in shuffled
    ]
    assert client.get("/v1/scores", params={"control": "no_such_control"}).status_code == 422
    progress = client.get(f"/v1/runs/{run}").json()["progress"]
    assert (2, 2) == (progress["scores"], progress["controls"])


def test_a_run_without_controls_shows_none(client: TestClient, database: Database) -> None:
    seeded = seed(database)

    assert client.get(f"/v1/runs/{seeded.run}/controls").json() == {"sample": 0, "items": []}
    assert client.get("/v1/runs/none/controls").status_code == 404


def test_scorers_and_explainers_of_one_name_are_told_apart() -> None:
    measured = [
        Measured(Measure(by, "default", at, "detection"), control, "llm", "accuracy", 1, 0.5)
        for by in (0, 1)
        for at in (0, 1)
        for control in ("", "shuffled")
    ]
    found = Controlled(
        sample=1,
        explainers=labels([("default", {}), ("default", {"n": 3})]),
        scorers=labels([("detection:llm", {"random": 10}), ("detection:llm", {"random": 20})]),
        against=against(measured, seed=0),
    )

    assert [(one.scorer_label, one.explainer_label) for one in RunControls.of(found).items] == [
        ("detection:llm(random=10)", "default"),
        ("detection:llm(random=20)", "default"),
        ("detection:llm(random=10)", "default(n=3)"),
        ("detection:llm(random=20)", "default(n=3)"),
    ]
