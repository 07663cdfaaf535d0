"""Whatever is sent, the API answers as its OpenAPI document says and with no 5xx that it does not mean.

A few examples an operation here; `make fuzz-api` sends hundreds (AUTOINTERP_FUZZ_EXAMPLES).
"""

import os
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.openapi import from_asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from autointerp.api.app import create_app
from autointerp.api.gate.access import Access, Limits, Mode
from autointerp.clientgen.__main__ import document as openapi
from autointerp.domain.inquiries import InquiryLimits
from autointerp.llm.base import Endpoint
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.runs import Desk
from autointerp.storage import migrate
from autointerp.storage.engine import Database
from tests.api.conftest import Queue
from tests.api.seed import seed

EXAMPLES = int(os.environ.get("AUTOINTERP_FUZZ_EXAMPLES", "5"))
MEANT = (502, 503)  # a language-model server failed, or no worker is alive


def no_mistake(context: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """A 5xx is one of those that the API means."""
    assert response.status_code < 500 or response.status_code in MEANT, response.text


CHECKS = [
    no_mistake,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Generator[schemathesis.BaseSchema]:
    """The API over a seeded database of its own, with a language model that costs nothing."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    database = Database(f"sqlite:///{folder}/autointerp.db")
    migrate.upgrade(database)
    seed(database)
    desk = Desk(
        database=database,
        jobs=Queue(),
        prompts=PromptLibrary.load(default_folder()),
        endpoints={"fake": Endpoint(name="fake", provider="fake")},
        lease=timedelta(seconds=15),
        limits=InquiryLimits(wait=0.05),
    )
    access = Access(mode=Mode.SINGLE_USER, hosts=frozenset({"testserver", "localhost"}), origins=())
    app = create_app(database, desk, access=access, limits=Limits(body=1 << 20, seconds=30.0, depth=32))
    yield from_asgi("/openapi.json", app)
    database.close()


OPERATIONS = [(path, method) for path, methods in openapi()["paths"].items() for method in methods]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_what_the_document_says(document: schemathesis.BaseSchema, path: str, method: str) -> None:
    @given(case=document[path][method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    check()
