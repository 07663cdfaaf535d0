"""Probes: the newest of each model is kept, as it was found."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autointerp.domain.capabilities import Capability, Finding, Has, Probe
from autointerp.errors import InvalidInput
from autointerp.storage import endpoints
from autointerp.storage.engine import Database

PROBE = Probe(
    endpoint="local",
    model="some/model",
    provider="openai",
    fingerprint="f" * 64,
    findings=(
        Finding(Capability.LOGPROBS, Has.NO, "it ignores them"),
        Finding(Capability.SCHEMA, Has.UNKNOWN, "it was cut off — “so”"),
    ),
    probed_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
)


def test_a_probe_comes_back_as_it_was(database: Database) -> None:
    with database.write() as session:
        endpoints.keep(session, PROBE)

    with database.read() as session:
        assert endpoints.find(session, "local", "some/model") == PROBE
        assert endpoints.find(session, "local", "another") is None
        assert endpoints.find(session, "other", "some/model") is None


def test_a_newer_probe_takes_the_place_of_an_older_one(database: Database) -> None:
    newer = replace(PROBE, findings=PROBE.findings[1:], probed_at=datetime(2026, 11, 21, tzinfo=UTC))
    with database.write() as session:
        endpoints.keep(session, PROBE)
        endpoints.keep(session, newer)

    with database.read() as session:
        assert endpoints.list_probes(session) == (newer,)


def test_probes_are_listed_by_endpoint_and_model(database: Database) -> None:
    probes = [replace(PROBE, endpoint=endpoint, model=model) for endpoint in ("b", "a") for model in ("y", "x")]
    with database.write() as session:
        for probe in probes:
            endpoints.keep(session, probe)

    with database.read() as session:
        listed = [(probe.endpoint, probe.model) for probe in endpoints.list_probes(session)]
        assert listed == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
        assert [probe.model for probe in endpoints.list_probes(session, "b")] == ["x", "y"]


def test_a_name_longer_than_the_table_holds_is_refused(database: Database) -> None:
    with pytest.raises(InvalidInput, match="at most 300 characters"), database.write() as session:
        endpoints.keep(session, replace(PROBE, model="m" * 301))
