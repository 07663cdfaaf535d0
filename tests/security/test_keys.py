"""Keys, tried from outside."""

import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autointerp.api.gate import scopes
from autointerp.api.gate.redaction import keep_keys_out_of_logs
from autointerp.domain.keys import Scope, Token, new_token
from autointerp.storage import journal, keys
from autointerp.storage.engine import Database
from tests.security.conftest import SINGLE_USER, Start

NEEDING = {operation: scope for operation, scope in scopes.SCOPES.items() if scope is not None}


def _filled(template: str) -> str:
    return re.sub(r"{[^}]*}", "1", template)


def test_without_a_key_every_route_but_the_public_ones_is_closed(start: Start) -> None:
    with start().client() as stranger:
        answers = {one: stranger.request(*_filled(one).split(" ")) for one in scopes.SCOPES}

    assert {one for one, answer in answers.items() if answer.status_code != 401} == set(scopes.SCOPES) - set(NEEDING)
    for one in NEEDING:
        assert answers[one].headers["content-type"] == "application/problem+json"
        assert answers[one].headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scope", Scope)
def test_a_key_reaches_as_far_as_its_scope_on_every_route(start: Start, scope: Scope) -> None:
    service = start()
    with service.client(service.key(scope)) as caller:
        statuses = {one: caller.request(*_filled(one).split(" ")).status_code for one in NEEDING}

    refused = {one for one, status in statuses.items() if status == 403}
    assert refused == {one for one, needed in NEEDING.items() if not scope.holds(needed)}
    assert 401 not in statuses.values()


def test_what_opens_nothing(start: Start) -> None:
    service = start()
    good, other = service.key(), service.key()
    expired = service.key(expired=True)
    revoked = service.key()
    with service.database.write() as session:
        keys.revoke(session, revoked.id)
    shown = {
        "unknown": str(new_token()),
        "with the secret of another": str(Token(good.id, other.secret)),
        "cut short": str(good)[:-1],
        "with more behind it": f"{good}x",
        "expired": str(expired),
        "revoked": str(revoked),
        "its id": good.id,
        "no ASCII": "ai_ÿ",
    }

    answers = {}
    with service.client() as caller:
        for name, text in shown.items():
            headers = {"Authorization": f"Bearer {text}".encode("latin-1")}
            answers[name] = caller.get("/v1/models", headers=headers)

    assert {name for name, answer in answers.items() if answer.status_code != 401} == set()
    assert "expired at" in answers["expired"].json()["detail"]
    assert "was revoked" in answers["revoked"].json()["detail"]
    # Who does not have the secret is not told whether there is such a key.
    assert answers["unknown"].json()["detail"] == answers["with the secret of another"].json()["detail"]


def test_other_ways_to_show_a_key_are_none(start: Start) -> None:
    service = start()
    key = service.key()
    with service.client() as caller:
        basic = caller.get("/v1/models", auth=("user", str(key)))
        twice = caller.get(
            "/v1/models", headers=[("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
        )
        cookie = caller.get("/v1/models", headers={"Cookie": f"key={key}"})

    assert [basic.status_code, twice.status_code, cookie.status_code] == [401, 401, 401]


@pytest.mark.parametrize("query", ["key=KEY", "api_key=x", "access_token=KEY", "limit=5&token=KEY", "text=KEY"])
def test_a_key_in_an_address_is_refused_even_beside_a_right_one(start: Start, query: str) -> None:
    service = start()
    key = service.key()

    with service.client(key) as caller:
        answer = caller.get(f"/v1/models?{query.replace('KEY', str(key))}")
        path = caller.get(f"/v1/runs/{key}")

    assert (answer.status_code, path.status_code) == (401, 401)
    assert key.secret not in answer.text + path.text


def test_a_key_is_made_used_and_revoked_by_an_admin(start: Start) -> None:
    service = start()
    with service.client(service.key()) as admin:
        made = admin.post("/v1/keys", json={"name": "lab", "scope": "run"})
        shown = admin.get(made.headers["location"])
        listed = admin.get("/v1/keys")
        with service.client(made.json()["key"]) as caller:
            before = caller.get("/v1/models")
            admin.post(f"/v1/keys/{made.json()['id']}/revoke")
            after = caller.get("/v1/models")

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert "key" not in shown.json()
    secret = made.json()["key"].rpartition("_")[2]
    assert secret not in shown.text + listed.text
    assert (before.status_code, after.status_code) == (200, 401)


def test_the_secret_is_not_in_the_database(start: Start) -> None:
    service = start()
    with service.client(service.key()) as admin:
        token = admin.post("/v1/keys", json={"name": "lab"}).json()["key"]
    service.database.close()

    content = b"".join(path.read_bytes() for path in _files(service.database))

    assert token.encode()[3:15] in content
    assert token[16:].encode() not in content


def test_a_key_has_so_many_requests_a_minute_whatever_server_it_asks(start: Start) -> None:
    first = start()
    second = start(database=first.database)
    key = first.key(Scope.READ, per_minute=7)

    with first.client(key) as one, second.client(key) as two:
        answers = [caller.get("/v1/models") for _ in range(5) for caller in (one, two)]

    assert [answer.status_code for answer in answers] == [200] * 7 + [429] * 3
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 9
    assert "7 requests a minute" in answers[-1].json()["detail"]


def test_another_key_is_not_held_back(start: Start) -> None:
    service = start()
    with service.client(service.key(per_minute=1)) as one, service.client(service.key()) as other:
        assert [one.get("/v1/models").status_code for _ in range(2)] == [200, 429]
        assert other.get("/v1/models").status_code == 200


def test_the_journal_tells_who_changed_what_and_who_was_refused(start: Start) -> None:
    service = start()
    admin_key, reader_key = service.key(), service.key(Scope.READ)
    with service.client(admin_key) as admin, service.client(reader_key) as reader, service.client() as stranger:
        made = admin.post("/v1/keys", json={"name": "lab"}).json()["id"]
        admin.get("/v1/models")
        admin.post(f"/v1/keys/{made}/revoke")
        reader.post("/v1/runs/0123/cancel")
        stranger.get("/v1/nothing/here")
        lines = admin.get("/v1/journal").json()["items"]

    shown = [(one["key_id"], one["method"], one["route"], one["record"], one["status"]) for one in lines]
    assert shown == [
        (admin_key.id, "POST", "/v1/keys", made, 201),
        (admin_key.id, "POST", "/v1/keys/{key_id}/revoke", made, 200),
        (reader_key.id, "POST", "/v1/runs/{run_id}/cancel", "0123", 403),
        (None, "GET", None, None, 401),
    ]


def test_strangers_cannot_fill_the_journal(start: Start) -> None:
    service = start()
    with service.client() as stranger:
        for _ in range(80):
            stranger.get("/v1/models")

    with service.database.read() as session:
        assert len(journal.list_lines(session, key_id=None, after=None, limit=500)) == 60


def test_when_a_key_was_last_used_is_kept(start: Start) -> None:
    service = start()
    key = service.key()
    with service.client(key) as admin:
        admin.get("/v1/models")
        used = admin.get(f"/v1/keys/{key.id}").json()["last_used_at"]

    assert abs(datetime.fromisoformat(used) - datetime.now(UTC)) < timedelta(minutes=1)


def test_no_key_comes_into_a_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    before = logging.getLogRecordFactory()
    keep_keys_out_of_logs()
    try:
        service = start()
        key = service.key()
        with service.client(key) as caller:
            caller.get("/v1/models")
            caller.get(f"/v1/models?key={key}")
            caller.get(f"/v1/runs/{key}")
            caller.post("/v1/runs", content=f'{{"name": "{key}"'.encode(), headers={"Content-Type": "application/json"})
        try:
            raise ValueError(f"so {key}")
        except ValueError:
            logging.getLogger("any.library").exception("it failed with %s", [str(key)])
    finally:
        logging.setLogRecordFactory(before)

    assert f"/v1/models?key=ai_{key.id}_…" in caplog.text  # by the caller's own library
    assert f"it failed with ['ai_{key.id}_…']" in caplog.text
    assert key.secret not in caplog.text


def test_a_route_that_is_not_declared_is_reached_by_admins_alone(start: Start) -> None:
    service = start()
    service.app.add_api_route("/v1/forgotten", lambda: {"secret": 1})

    with service.client(service.key(Scope.RUN)) as caller, service.client(service.key()) as admin:
        assert caller.get("/v1/forgotten").status_code == 404
        assert admin.get("/v1/forgotten").status_code == 200


@pytest.mark.parametrize("path", ["/v1/runs%0A", "/v1/runs/", "//v1/runs", "/v1/./runs", "/V1/runs", "/v1/runs%00"])
def test_another_spelling_of_a_route_is_no_way_around_its_scope(start: Start, path: str) -> None:
    service = start()
    with service.client(service.key(Scope.READ)) as reader:
        answer = reader.post(path, json={"harvest": "x", "explainers": ["default"]})

    assert answer.status_code in (403, 404)
    assert service.queue.submitted == []


def test_a_method_that_is_not_there_says_which_are_to_a_reader_too(start: Start) -> None:
    service = start()
    with service.client(service.key(Scope.READ)) as reader:
        answer = reader.delete("/v1/models")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_server_of_one_person_asks_for_no_key_and_keeps_no_journal(start: Start) -> None:
    service = start(SINGLE_USER)
    with service.client() as person:
        made = person.post("/v1/keys", json={"name": "lab"})
        lines = person.get("/v1/journal").json()["items"]

    assert (made.status_code, lines) == (201, [])


def _files(database: Database) -> list[Path]:
    path = Path(database.url.removeprefix("sqlite:///"))
    return sorted(path.parent.glob(f"{path.name}*"))
