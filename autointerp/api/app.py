"""The application: every router under /v1, made from the parts it is given."""

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from autointerp import __version__
from autointerp.api import (
    comparisons,
    controls,
    endpoints,
    events,
    explanations,
    features,
    harvests,
    health,
    metrics,
    models,
    openapi,
    plugins,
    problems,
    runs,
    saes,
    scores,
    trials,
)
from autointerp.api.broadcast import Broadcast
from autointerp.api.formats import Format
from autointerp.api.leaving import Leaving
from autointerp.api.looks import Looks
from autointerp.api.parts import Parts
from autointerp.api.watching import Watched
from autointerp.runs import Desk
from autointerp.runs.census import CensusTaker
from autointerp.storage.engine import Database

NOUNS = (
    models,
    saes,
    harvests,
    features,
    explanations,
    scores,
    runs,
    trials,
    events,
    comparisons,
    controls,
    plugins,
    endpoints,
)
GZIP_LEVEL = 4  # somebody waits for it
COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, Format.PARQUET.media_type)
DESCRIPTION = (
    "Explanations of the features of sparse autoencoders, and how far each can be trusted. "
    "Lists are read page by page: pass `next` of a page as `cursor`. "
    "Every failure is a problem document (`application/problem+json`)."
)


def create_app(database: Database, desk: Desk) -> FastAPI:
    """Make the application; it reads no environment and never reaches torch."""
    app = FastAPI(title="autointerp", version=__version__, description=DESCRIPTION)
    looks = Looks(desk)
    app.state.parts = Parts(database=database, desk=desk, looks=looks, broadcast=Broadcast(looks.event))
    v1 = APIRouter(prefix="/v1")
    for noun in NOUNS:
        v1.include_router(noun.router)
    app.include_router(v1)
    app.include_router(health.router)
    app.add_middleware(GZipMiddleware, compresslevel=GZIP_LEVEL, exclude_content_types=COMPRESSED)
    app.include_router(metrics.router)
    problems.install(app)
    openapi.install(app)
    _watch(app, desk)
    return app


def _watch(app: FastAPI, desk: Desk) -> None:
    """Count, trace and log every request; installed last, so that nothing answers one before it is named."""
    app.state.leaving, app.state.metrics = Leaving(app.state.parts.broadcast.close), CollectorRegistry()
    app.add_middleware(Watched, meter=metrics.RequestMeter(app.state.metrics))
    app.state.metrics.register(metrics.ServiceNumbers(CensusTaker(desk)))
