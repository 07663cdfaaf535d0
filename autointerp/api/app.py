"""The application: every router under /v1, made from the parts it is given."""

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CollectorRegistry
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from autointerp import __version__
from autointerp.api import (
    activations,
    comparisons,
    controls,
    endpoints,
    events,
    explanations,
    features,
    harvests,
    health,
    journal,
    keys,
    metrics,
    models,
    openapi,
    plugins,
    problems,
    runs,
    saes,
    scores,
    searches,
    steering,
    tokens,
    trials,
)
from autointerp.api.broadcast import Broadcast
from autointerp.api.formats import Format
from autointerp.api.gate.access import Access, Limits
from autointerp.api.gate.bodies import Bodies
from autointerp.api.gate.gate import Gate
from autointerp.api.gate.headers import SecureHeaders
from autointerp.api.leaving import Leaving
from autointerp.api.looks import Looks
from autointerp.api.parameters import refuse_unknown
from autointerp.api.parts import Parts
from autointerp.api.watching import Watched
from autointerp.runs import Desk
from autointerp.runs.census import CensusTaker
from autointerp.storage.engine import Database

RECORDS = (models, saes, harvests, features, explanations, scores, runs, trials, events)
ABOUT_RECORDS = (comparisons, controls, plugins, endpoints)
INQUIRIES = (activations, steering, tokens, searches)
NOUNS = (*RECORDS, *ABOUT_RECORDS, *INQUIRIES, keys, journal)
GZIP_LEVEL = 4  # somebody waits for it
COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, Format.PARQUET.media_type)
METHODS = ("GET", "POST", "PATCH")
ASKED = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "X-Request-ID",
)
TOLD = ("ETag", "Link", "Location", "Preference-Applied", "Retry-After", "X-Request-ID")
DESCRIPTION = (
    "Explanations of the features of sparse autoencoders, and how far each can be trusted. "
    "Lists are read page by page: pass `next` of a page as `cursor`. "
    "Every failure is a problem document (`application/problem+json`)."
)


def create_app(database: Database, desk: Desk, *, access: Access, limits: Limits) -> FastAPI:
    """Make the application; it reads no environment and never reaches torch."""
    app = FastAPI(title="autointerp", version=__version__, description=DESCRIPTION)
    looks = Looks(desk)
    app.state.parts = Parts(database=database, desk=desk, looks=looks, broadcast=Broadcast(looks.event))
    v1 = APIRouter(prefix="/v1", dependencies=[Depends(refuse_unknown)])
    for noun in NOUNS:
        v1.include_router(noun.router)
    app.include_router(v1)
    app.include_router(health.router)
    app.add_middleware(GZipMiddleware, compresslevel=GZIP_LEVEL, exclude_content_types=COMPRESSED)
    app.include_router(metrics.router)
    problems.install(app)
    _guard(app, database, access, limits)
    openapi.install(app)
    _watch(app, desk)
    return app


def _watch(app: FastAPI, desk: Desk) -> None:
    """Count, trace and log every request; installed last, so that nothing answers one before it is named."""
    app.state.leaving, app.state.metrics = Leaving(app.state.parts.broadcast.close), CollectorRegistry()
    app.add_middleware(Watched, meter=metrics.RequestMeter(app.state.metrics))
    app.state.metrics.register(metrics.ServiceNumbers(CensusTaker(desk)))


def _guard(app: FastAPI, database: Database, access: Access, limits: Limits) -> None:
    """Put the gate before the routes; what is added last sees a request first."""
    app.add_middleware(Bodies, limits=limits)
    app.add_middleware(Gate, access=access, database=database)
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.origins,
            allow_methods=METHODS,
            allow_headers=ASKED,
            expose_headers=TOLD,
        )
    app.add_middleware(SecureHeaders)
