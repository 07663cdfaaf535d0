"""Language-model servers: those that the configuration names, and what they can do."""

from typing import Annotated

from fastapi import APIRouter, Body

from autointerp.api.parts import AtDesk
from autointerp.api.problems import documented
from autointerp.api.schemas.endpoints import Endpoint, Endpoints, Probe, ProbeWanted
from autointerp.domain.capabilities import PROBE_REQUESTS
from autointerp.errors import InvalidInput, LLMError, NotFound
from autointerp.runs import endpoint_of, probe_endpoint
from autointerp.storage import endpoints

router = APIRouter(prefix="/endpoints", tags=["endpoints"])

Wanted = Annotated[
    ProbeWanted, Body(openapi_examples={"model": {"summary": "one model", "value": {"model": "some-model"}}})
]


@router.get("", responses=documented())
def list_endpoints(desk: AtDesk) -> Endpoints:
    """List the language-model servers, with what probes found out about their models."""
    with desk.database.read() as session:
        probes = endpoints.list_probes(session)
    return Endpoints(items=[Endpoint.of(one, probes) for _, one in sorted(desk.endpoints.items())])


@router.get("/{name}", responses=documented(NotFound))
def get_endpoint(desk: AtDesk, name: str) -> Endpoint:
    """Show one language-model server."""
    endpoint = endpoint_of(desk, name)
    with desk.database.read() as session:
        return Endpoint.of(endpoint, endpoints.list_probes(session, name))


@router.post(
    "/{name}/probe",
    responses=documented(NotFound, InvalidInput, LLMError),
    description=f"Ask a model what it can do, by about {PROBE_REQUESTS} small requests that are paid for.",
)
def probe(desk: AtDesk, name: str, wanted: Wanted) -> Probe:
    """Ask a model what it can do, and keep the answer."""
    return Probe.of(probe_endpoint(desk, name, wanted.model), endpoint_of(desk, name))
