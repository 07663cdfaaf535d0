"""The application: every router under /v1, made from the parts it is given."""

from fastapi import APIRouter, FastAPI

from autointerp import __version__
from autointerp.api import (
    activations,
    comparisons,
    controls,
    endpoints,
    explanations,
    features,
    harvests,
    health,
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
)
from autointerp.api.parts import Parts
from autointerp.runs import Desk
from autointerp.storage.engine import Database

RECORDS = (models, saes, harvests, features, explanations, scores, runs, comparisons, controls, plugins, endpoints)
ASKED = (activations, steering, tokens, searches)
NOUNS = (*RECORDS, *ASKED)
DESCRIPTION = (
    "Explanations of the features of sparse autoencoders, and how far each can be trusted. "
    "Lists are read page by page: pass `next` of a page as `cursor`. "
    "Every failure is a problem document (`application/problem+json`)."
)


def create_app(database: Database, desk: Desk) -> FastAPI:
    """Make the application; it reads no environment and never reaches torch."""
    app = FastAPI(title="autointerp", version=__version__, description=DESCRIPTION)
    app.state.parts = Parts(database=database, desk=desk)
    v1 = APIRouter(prefix="/v1")
    for noun in NOUNS:
        v1.include_router(noun.router)
    app.include_router(v1)
    app.include_router(health.router)
    problems.install(app)
    openapi.install(app)
    return app
