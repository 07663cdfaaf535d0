"""The endpoint under test, from the environment; nothing is asked of anyone who was not named there.

    AUTOINTERP_LIVE_MODEL      the model; without it these tests are skipped
    AUTOINTERP_LIVE_PROVIDER   openai (if not given), anthropic, systemone, or a dotted name
    AUTOINTERP_LIVE_BASE_URL   the server's address; the provider's own if not given
    AUTOINTERP_LIVE_API_KEY    its key
    AUTOINTERP_LIVE_OPTIONS    options of the provider, as JSON
    AUTOINTERP_LIVE_PRICE      its price, as JSON, in dollars per million tokens, where there is no list price

Run them with `pytest -m live tests/live`. All of them together may spend five cents and a hundred thousand tokens.
"""

import json
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from autointerp.domain.calls import Complete
from autointerp.llm.base import Endpoint
from autointerp.llm.memory import MemoryAllowance, MemoryBooks
from autointerp.llm.stack import open_llm

FIVE_CENTS = 50_000_000  # nano-dollars
TOKENS = 100_000  # for servers without a known price
PREFIX = "AUTOINTERP_LIVE_"
SPENDING = MemoryAllowance(cost_cap=FIVE_CENTS, token_cap=TOKENS)
BOOKS = MemoryBooks({"live": SPENDING})


@dataclass(frozen=True)
class Live:
    """The model under test, and the books that all these tests share."""

    llm: Complete
    model: str
    books: MemoryBooks
    allowance: MemoryAllowance


@pytest.fixture
async def live() -> AsyncGenerator[Live]:
    """The real gateway to the endpoint, with a budget of its own."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in os.environ.items() if name.startswith(PREFIX)}
    if not given.get("model"):
        pytest.skip(f"no endpoint to ask: set {PREFIX}MODEL, and what else tests/live/conftest.py names")
    endpoint = Endpoint.model_validate(
        {
            "name": "live",
            "provider": given.get("provider", "openai"),
            "base_url": given.get("base_url"),
            "api_key": given.get("api_key"),
            "options": json.loads(given.get("options", "{}")),
            "price": json.loads(given["price"]) if "price" in given else None,
        }
    )
    async with open_llm([endpoint], run="live", books=BOOKS) as llm:
        yield Live(llm, given["model"], BOOKS, SPENDING)
