"""Prices and estimates."""

from decimal import Decimal

import pytest

from autointerp.domain.calls import Message, Request, Role, Usage
from autointerp.llm import estimate
from autointerp.llm.base import Endpoint
from autointerp.llm.prices import FREE, ListPrices, Price, worst_cost
from autointerp.llm.stack import tariff_of

MILLION = 1_000_000


def test_a_listed_model_costs_its_list_price_in_nano_dollars() -> None:
    tariff = ListPrices(vendor="anthropic")

    assert tariff.cost("claude-haiku-4-5", Usage(input=MILLION)) == 10**9
    assert tariff.cost("claude-haiku-4-5", Usage(cache_read=MILLION)) == 10**8
    assert tariff.cost("claude-haiku-4-5", Usage(cache_write=MILLION)) == 1_250_000_000
    assert tariff.cost("claude-haiku-4-5", Usage(output=MILLION)) == 5 * 10**9


def test_each_token_is_priced_in_one_counter_only() -> None:
    usage = Usage(input=1000, cache_read=500, cache_write=100, output=10)
    tariff = ListPrices(vendor="anthropic")
    parts = [Usage(input=1000), Usage(cache_read=500), Usage(cache_write=100), Usage(output=10)]

    assert tariff.cost("claude-haiku-4-5", usage) == sum(tariff.cost("claude-haiku-4-5", p) or 0 for p in parts)


def test_a_model_that_nobody_lists_has_an_unknown_price_and_not_a_zero() -> None:
    assert ListPrices(vendor="openai").cost("my-own-model", Usage(input=5)) is None
    assert ListPrices(api_url="http://127.0.0.1:8000/v1").cost("gpt-4.1-mini", Usage(input=5)) is None
    assert worst_cost(ListPrices(vendor="openai"), "my-own-model", Usage(input=5)) is None


def test_a_price_of_ones_own_comes_first() -> None:
    price = Price(input=Decimal("0.1"), output=Decimal("0.5"), cache_read=Decimal("0.01"))
    endpoint = Endpoint(name="e", provider="openai", price=price)

    assert tariff_of(endpoint).cost("gpt-4.1-mini", Usage(input=MILLION, cache_read=MILLION)) == 110_000_000


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_vendors_own_address_has_its_list_prices(provider: str) -> None:
    model = {"openai": "gpt-4.1-mini", "anthropic": "claude-haiku-4-5"}[provider]

    assert tariff_of(Endpoint(name="e", provider=provider)).cost(model, Usage(input=MILLION)) is not None
    local = Endpoint(name="e", provider=provider, base_url="http://127.0.0.1:8000")
    assert tariff_of(local).cost(model, Usage(input=MILLION)) is None


def test_what_costs_nothing_is_known_to_cost_nothing() -> None:
    assert FREE.cost("any", Usage(input=5, output=5)) == 0


def test_the_worst_case_counts_what_a_cache_write_costs() -> None:
    usage = Usage(input=MILLION)

    assert worst_cost(ListPrices(vendor="anthropic"), "claude-haiku-4-5", usage) == 1_250_000_000


def test_the_worst_case_of_a_request_is_above_the_likely_one() -> None:
    text = "The kettle was hot enough to burn, but the bath had gone cold by then. " * 20
    request = Request("e", "m", (Message(Role.USER, text),), max_tokens=100)
    worst, likely = estimate.worst(request), estimate.likely(request, output=30)

    assert worst.input > likely.input > len(text) / 5
    assert (100, 30) == (worst.output, likely.output)
