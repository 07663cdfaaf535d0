"""Probes of language models: the newest one of each model."""

import sqlalchemy as sa

from autointerp.domain.capabilities import Capability, Finding, Has, Probe
from autointerp.errors import InvalidInput
from autointerp.storage.engine import ReadSession, WriteSession
from autointerp.storage.insertion import insert_into
from autointerp.storage.tables.endpoints import EndpointTable

LONGEST_MODEL = 300


def keep(session: WriteSession, probe: Probe) -> None:
    """Keep a probe in the place of an older one of the same model."""
    if len(probe.model) > LONGEST_MODEL:
        raise InvalidInput(f"the name of a model has at most {LONGEST_MODEL} characters")
    found = {
        "provider": probe.provider,
        "fingerprint": probe.fingerprint,
        "findings": [[one.capability, one.has, one.why] for one in probe.findings],
        "probed_at": probe.probed_at,
    }
    statement = insert_into(session, EndpointTable).values(name=probe.endpoint, model=probe.model, **found)
    session.sql.connection().execute(statement.on_conflict_do_update(index_elements=["name", "model"], set_=found))


def find(session: ReadSession, endpoint: str, model: str) -> Probe | None:
    """Return the newest probe of a model; None when it was never probed."""
    row = session.sql.get(EndpointTable, (endpoint, model))
    return None if row is None else _probe(row)


def list_probes(session: ReadSession, endpoint: str | None = None) -> tuple[Probe, ...]:
    """Return the newest probe of each model (of one endpoint), by endpoint and model."""
    statement = sa.select(EndpointTable).order_by(EndpointTable.name, EndpointTable.model)
    if endpoint is not None:
        statement = statement.where(EndpointTable.name == endpoint)
    return tuple(_probe(row) for row in session.sql.scalars(statement))


def _probe(row: EndpointTable) -> Probe:
    return Probe(
        endpoint=row.name,
        model=row.model,
        provider=row.provider,
        fingerprint=row.fingerprint,
        findings=tuple(Finding(Capability(capability), Has(has), why) for capability, has, why in row.findings),
        probed_at=row.probed_at,
    )
