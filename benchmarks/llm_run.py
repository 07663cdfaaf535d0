"""A whole run over the bundled model's features, by one worker, against a server that answers at once."""

from pathlib import Path

from autointerp import demo, wiring
from autointerp.domain.specs import HarvestSpec, RunSpec
from autointerp.llm.base import Endpoint
from autointerp.runs import create_harvest, create_run, wait_harvest, wait_run
from autointerp.settings import Settings, load
from autointerp.storage import runs
from autointerp.storage.records import RunState

TOKENS = 60_000
FEATURES = 300


def harvest_spec() -> HarvestSpec:
    """Return the harvest of the bundled model that every case works on."""
    return HarvestSpec.model_validate(
        {
            "subject": {"model": str(demo.MODEL)},
            "saes": [{"path": str(demo.SAE_TOPK)}],
            "corpus": {"kind": "stdlib"},
            "tokens": TOKENS,
        }
    )


def settings(folder: Path, endpoint: Endpoint | None = None) -> Settings:
    """Return the settings of an installation in `folder`."""
    given = {} if endpoint is None else {endpoint.name: endpoint.model_dump(mode="json", exclude={"name", "api_key"})}
    return load(data_dir=folder, endpoints=given, worker={"chunks": 2, "features": 16})


def harvested(folder: Path, spec: HarvestSpec | None = None) -> str:
    """Harvest once (the bundled model, where no spec is given), and return the harvest's id."""
    chosen = settings(folder)
    database = wiring.open_database(chosen)
    with wiring.open_desk(chosen, database) as desk, wiring.embedded_worker(chosen, database):
        record = wait_harvest(desk, create_harvest(desk, spec or harvest_spec()).id, timeout=3_600, poll=0.1)
    database.close()
    return record.id


def detection_rate(folder: Path, endpoint: Endpoint) -> tuple[float, int]:
    """Return how many requests a second a detection run makes, and how many it made."""
    harvest = harvested(folder)
    chosen = settings(folder, endpoint)
    base = {"harvest": harvest, "features": {"sample": FEATURES}, "chunk": 100, "controls": {"features": 0}}
    database = wiring.open_database(chosen)
    with wiring.open_desk(chosen, database) as desk, wiring.embedded_worker(chosen, database):
        explained = RunSpec.model_validate({**base, "explainers": ["token_statistics"]})
        wait_run(desk, create_run(desk, explained, idempotency_key=None).id, timeout=600, poll=0.1)
        wanted = RunSpec.model_validate(
            {**base, "scorers": [{"name": "detection", "judge": "llm"}], "llm": f"{endpoint.name}/m"}
        )
        run = wait_run(desk, create_run(desk, wanted, idempotency_key=None).id, timeout=600, poll=1.0)
        with database.read() as session:
            progress = runs.progress(session, run.id)
    database.close()
    assert run.state in (RunState.COMPLETE, RunState.COMPLETE_WITH_FAILURES), run
    assert run.finished_at is not None
    return progress.requests / (run.finished_at - run.created_at).total_seconds(), progress.requests
