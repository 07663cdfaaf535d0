"""Paths, names and plug-ins in what strangers hand in: only what the configuration names is opened."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autointerp.domain.keys import Scope
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.errors import InvalidSpec
from tests.security.conftest import NOTHING, SINGLE_USER, Service, Start

HARVEST: dict[str, Any] = {
    "subject": {"model": "allowed/model"},
    "saes": [{"release": "allowed/sae", "sae_id": "layer_1"}],
    "corpus": {"kind": "stdlib"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that may be read, with ways out of it, and beside it what may not be read."""
    (tmp_path / "root" / "corpus").mkdir(parents=True)
    (tmp_path / "root" / "corpus" / "a.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.jsonl").write_text('{"text": "s"}\n')
    (tmp_path / "root-of-others").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "circle").symlink_to(tmp_path / "root" / "circle")
    return tmp_path / "root"


@pytest.fixture
def service(start: Start, root: Path) -> Service:
    """A server that others reach, which lets them name one folder and some names."""
    return start(reach=replace(NOTHING, roots=(root,), hub=("allowed/*",), plugins=("my_lab.*",)))


def _hand_in(service: Service, path: str, spec: dict[str, Any]) -> Any:
    with service.client(service.key(Scope.RUN)) as caller:
        return caller.post(f"/v1/{path}", json=spec)


def _paths(root: Path) -> dict[str, str]:
    """Paths out of a root, as one would try them."""
    return {
        "absolute": "/etc/passwd",
        "beside": str(root.parent / "secret"),
        "up": f"{root}/../secret",
        "up and down": f"{root}/corpus/../../secret/a.jsonl",
        "link": f"{root}/link",
        "through a link": f"{root}/link/a.jsonl",
        "circle": f"{root}/circle",
        "beginning alike": f"{root}-of-others",
        "home": "~/x",
        "nobody's home": "~no_such_user_at_all/x",
        "process": "/proc/self/environ",
        "nul": f"{root}/\0/x",
        "relative": "../../etc",
        "dot": "./x",
        "too long": f"{root.parent}/{'a' * 5_000}",
        "url": "http://169.254.169.254/latest",
        "file url": "file:///etc/passwd",
        "store": "s3://bucket/key",
    }


def test_no_path_leads_out_of_the_roots(service: Service, root: Path) -> None:
    taken: list[str] = []
    for name, path in _paths(root).items():
        for change in (
            {"subject": {"model": path}},
            {"saes": [{"path": path}]},
            {"saes": [{"release": path, "sae_id": "x"}]},
            {"saes": [{"release": "allowed/sae", "sae_id": path}]}
            if ".." in path or path.startswith("/")
            else {"saes": []},
            {"corpus": {"kind": "jsonl", "path": path}},
            {"corpus": {"kind": "text", "path": path}},
            {"corpus": {"kind": "dataset", "path": path}},
            {"embedder": path},
            {"embedder": path, "sizes": _similar()},
        ):
            answer = _hand_in(service, "harvests", {**HARVEST, **change})
            taken += [f"{name} {change}"] if answer.status_code != 422 else []

    assert taken == []
    assert service.queue.submitted == []


def _similar() -> dict[str, Any]:
    sizes = {"top": 1, "per_interval": 1, "per_quantile": 1, "random": 1, "same_token": 1, "similar_text": 1}
    return dict.fromkeys(("explain", "validation", "score"), sizes)


def test_what_lies_in_a_root_or_is_allowed_by_name_is_taken(service: Service, root: Path) -> None:
    corpora: list[dict[str, Any]] = [
        {"kind": "stdlib"},
        {"kind": "jsonl", "path": f"{root}/corpus"},
        {"kind": "jsonl", "path": f"{root}/../root/corpus/a.jsonl"},
        {"kind": "dataset", "path": "allowed/text"},
    ]

    answers = [_hand_in(service, "harvests", {**HARVEST, "corpus": corpus}) for corpus in corpora]

    assert [answer.status_code for answer in answers] == [202] * len(corpora)


@pytest.mark.parametrize("name", ["evil/model", "allowed", "gpt2", "allowed/../evil/model", "Allowed/model", "*/*"])
def test_a_name_on_the_hub_that_is_not_allowed_is_refused(service: Service, name: str) -> None:
    answer = _hand_in(service, "harvests", {**HARVEST, "subject": {"model": name}})

    assert answer.status_code == 422
    assert "AUTOINTERP_REACH__HUB" in answer.json()["detail"]


@pytest.mark.parametrize(
    "run",
    [
        {"scorers": [{"name": "surprisal", "options": {"model": "/etc"}}]},
        {"scorers": [{"name": "detection", "judge": {"name": "embedding", "options": {"model": "/etc"}}}]},
        {"scorers": [{"name": "retrieval", "judge": "lexical", "options": {"embedder": "evil/model"}}]},
        {"scorers": [{"name": "simulation", "options": {"predict": "local", "local": "/etc"}}]},
        {"scorers": [{"name": "intervention", "options": {"answer": "logprob", "model": "evil/model"}}]},
        {"explainers": ["os.path"]},
        {"explainers": ["autointerp.demo.train"]},
        {"scorers": [{"name": "detection", "judge": "http.server"}]},
        {"scorers": ["antigravity.x"]},
        {"explainers": ["token_statistics"], "harvest": {**HARVEST, "subject": {"model": "/etc"}}},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["runs", "runs/estimate"])
def test_a_run_reaches_no_further_than_a_harvest(service: Service, path: str, run: dict[str, Any]) -> None:
    answer = _hand_in(service, path, {"harvest": HARVEST, **run})

    assert answer.status_code == 422, answer.text
    assert "AUTOINTERP_REACH__" in answer.json()["detail"]


def test_a_plug_in_that_is_allowed_is_looked_for(service: Service) -> None:
    answer = _hand_in(service, "runs", {"harvest": HARVEST, "explainers": ["my_lab.explainer"]})

    assert "no module" in answer.json()["detail"] or "cannot be imported" in answer.json()["detail"]


def test_where_nothing_is_configured_strangers_may_name_nothing_that_is_not_shipped(start: Start) -> None:
    service = start(reach=NOTHING)

    assert _hand_in(service, "harvests", HARVEST).status_code == 422


def test_the_one_person_of_a_single_user_server_may_name_everything(start: Start) -> None:
    service = start(SINGLE_USER, reach=EVERYTHING)
    with service.client() as person:
        answer = person.post("/v1/harvests", json={**HARVEST, "corpus": {"kind": "jsonl", "path": "/srv/x.jsonl"}})

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("data/*.jsonl", True),
        ("../secret/*.jsonl", False),
        ("/etc/passwd", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("https://data.example/a.jsonl", True),
        ("https://data.example.evil/a.jsonl", False),
        ("file:///etc/passwd", False),
        ("zip://*.jsonl::http://10.0.0.1/a.zip", False),
        ("hf://datasets/allowed/text@main/a.jsonl", True),
        ("hf://datasets/evil/text/a.jsonl", False),
    ],
)
def test_what_a_data_set_may_name_as_its_files(name: str, taken: bool) -> None:
    reach = Reach(roots=(), hub=("allowed/*",), plugins=(), urls=("https://data.example/",), pickles=False)

    with nullcontext() if taken else pytest.raises(InvalidSpec):
        reach.check_addresses([name])
