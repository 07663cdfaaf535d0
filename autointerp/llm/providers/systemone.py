"""Servers that only decide yes/no questions, by the System One wire; `base_url` is what stands before `/systemone`."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.calls import Reply, Request
from autointerp.errors import InvalidSpec
from autointerp.llm import systemone
from autointerp.llm.base import Endpoint
from autointerp.llm.prices import ListPrices, Tariff
from autointerp.llm.providers import openai


class Config(BaseModel):
    """How long to wait; all else is in the wire."""

    HOSTED: ClassVar[bool] = False
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=120, gt=0, description="seconds for the whole of one attempt")

    def build(self, endpoint: Endpoint) -> "SystemOne":
        """Open the client; InvalidSpec without an address, because no vendor is meant by the name alone."""
        if endpoint.base_url is None:
            raise InvalidSpec(f"the endpoint {endpoint.name!r} speaks System One to no address; set its base_url")
        return SystemOne(openai.OpenAI(endpoint, openai.Config(timeout=self.timeout, decisions="systemone")))

    def most_questions(self, endpoint: Endpoint) -> int:
        """How many yes/no questions a request may ask."""
        return systemone.MOST

    def tariff(self, endpoint: Endpoint) -> Tariff:
        """The list prices of the vendor at `base_url`; a server of one's own has no known price."""
        return ListPrices(api_url=endpoint.base_url)


class SystemOne:
    """One endpoint, over the same client as the OpenAI wire."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client

    async def complete(self, request: Request) -> Reply:
        """Make one attempt; MissingCapability for anything but questions."""
        systemone.body(request)
        return await self._client.complete(request)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()
