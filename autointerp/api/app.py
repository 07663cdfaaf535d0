"""The application: every router under /v1, made from the parts it is given."""

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from autointerp import __version__
from autointerp.api import (
    comparisons,
    controls,
    endpoints,
    explanations,
    features,
    harvests,
    health,
    journal,
    keys,
    models,
    openapi,
    plugins,
    problems,
    runs,
    saes,
    scores,
)
from autointerp.api.gate.access import Access, Limits
from autointerp.api.gate.bodies import Bodies
from autointerp.api.gate.gate import Gate
from autointerp.api.gate.headers import SecureHeaders
from autointerp.api.parts import Parts
from autointerp.runs import Desk
from autointerp.storage.engine import Database

NOUNS = (
    models,
    saes,
    harvests,
    features,
    explanations,
    scores,
    runs,
    comparisons,
    controls,
    plugins,
    endpoints,
    keys,
    journal,
)
ASKED = ("Authorization", "Content-Type", "Idempotency-Key")
TOLD = ("Link", "Location", "Retry-After")
DESCRIPTION = (
    "Explanations of the features of sparse autoencoders, and how far each can be trusted. "
    "Lists are read page by page: pass `next` of a page as `cursor`. "
    "Every failure is a problem document (`application/problem+json`)."
)


def create_app(database: Database, desk: Desk, *, access: Access, limits: Limits) -> FastAPI:
    """Make the application; it reads no environment and never reaches torch."""
    app = FastAPI(title="autointerp", version=__version__, description=DESCRIPTION)
    app.state.parts = Parts(database=database, desk=desk)
    v1 = APIRouter(prefix="/v1")
    for noun in NOUNS:
        v1.include_router(noun.router)
    app.include_router(v1)
    app.include_router(health.router)
    problems.install(app)
    _guard(app, database, access, limits)
    openapi.install(app)
    return app


def _guard(app: FastAPI, database: Database, access: Access, limits: Limits) -> None:
    """Put the gate before the routes; what is added last sees a request first."""
    app.add_middleware(Bodies, limits=limits)
    app.add_middleware(Gate, access=access, database=database)
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.origins,
            allow_methods=("GET", "POST"),
            allow_headers=ASKED,
            expose_headers=TOLD,
        )
    app.add_middleware(SecureHeaders)
