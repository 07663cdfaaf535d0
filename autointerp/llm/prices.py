"""What tokens cost, in integer nano-dollars; a model whose price is not known costs None, never 0."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import PriceContext
from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.calls import Usage

NANO = 1_000_000_000


class Tariff(Protocol):
    """Prices usage of a model."""

    def cost(self, model: str, usage: Usage) -> int | None:
        """The cost in nano-dollars; None: not known."""
        ...


class Price(BaseModel):
    """A fixed price in dollars per million tokens; the prompt cache costs as input does where nothing else is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cache_read: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)

    def cost(self, model: str, usage: Usage) -> int | None:
        """The cost of `usage`, whatever the model."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        millionths = (
            usage.input * self.input + usage.cache_read * read + usage.cache_write * write + usage.output * self.output
        )
        return round(millionths * 1000)

    def times(self, share: Decimal) -> "Price":
        """The same price, at this share of it."""
        read, write = self.cache_read, self.cache_write
        return Price(
            input=self.input * share,
            output=self.output * share,
            cache_read=None if read is None else read * share,
            cache_write=None if write is None else write * share,
        )


FREE = Price(input=Decimal(0), output=Decimal(0))


@dataclass(frozen=True, slots=True)
class ListPrices:
    """The list prices of a vendor, by its id or by the address of its API, from the table that genai-prices carries.

    `batch`: what requests in a batch cost.
    """

    vendor: str | None = None
    api_url: str | None = None
    batch: bool = False

    def cost(self, model: str, usage: Usage) -> int | None:
        """The cost at today's list price; None when the table has no such model."""
        if not _listed(self.vendor, self.api_url, model):
            return None
        counted = genai_prices.Usage(
            input_tokens=usage.input + usage.cache_read + usage.cache_write,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.output,
        )
        context: PriceContext | None = {"processing": "batch"} if self.batch else None
        price = get_snapshot().calc(counted, model, self.vendor, self.api_url, None, context)
        return round(price.total_price * NANO)


@lru_cache(maxsize=1024)
def _listed(vendor: str | None, api_url: str | None, model: str) -> bool:
    try:
        get_snapshot().find_provider_model(model, None, vendor, api_url)
    except LookupError:
        return False
    return True


def worst_cost(tariff: Tariff, model: str, usage: Usage) -> int | None:
    """The cost if every token of input were also written to a prompt cache, which some vendors charge more for."""
    written = Usage(cache_write=usage.input, output=usage.output)
    costs = [tariff.cost(model, usage), tariff.cost(model, written)]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None


def cost_of(tariff: Tariff, *, asked: str, answered: str | None, usage: Usage) -> int | None:
    """Price by the model that was asked, or by the one that answered where an alias was asked."""
    if not usage.total:
        return 0
    cost = tariff.cost(asked, usage)
    return cost if cost is not None or answered is None else tariff.cost(answered, usage)
