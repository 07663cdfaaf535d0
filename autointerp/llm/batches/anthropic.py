"""Anthropic's message batches: one post with all requests, one stream of results."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import anthropic
import httpx2

from autointerp.domain.calls import Reply, Request
from autointerp.llm.base import CallFailed, Endpoint, Lapsed
from autointerp.llm.batches.base import Line, Remote, Sighting, Stage, Submitted, is_ours
from autointerp.llm.batches.results import RAW, body_of, json_lines, refused
from autointerp.llm.providers.anthropic import API, Config, body, decode, refusal
from autointerp.llm.refusals import failure
from autointerp.llm.transport import Address, broken, open_http, within
from autointerp.llm.wire import Wire, malformed, parse

PATH = "/v1/messages/batches"
STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
EARLIER = timedelta(minutes=5)  # how far the vendor's clock may be behind ours
PAGE = 100


class AnthropicBatches:
    """The batch API through the official SDK; nothing is retried."""

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        address = Address.of(endpoint, API)
        self._endpoint = endpoint
        # A batch may take hours, and what is kept for five minutes is gone before its second request.
        self._config = config.model_copy(update={"prompt_cache": "1h" if config.prompt_cache else None})
        self._seconds = endpoint.batch.timeout
        self._client = anthropic.AsyncAnthropic(
            api_key=address.key,
            base_url=address.base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=open_http(anthropic.DefaultAioHttpClient, address, self._seconds),
        )

    def line(self, custom_id: str, request: Request) -> bytes:
        """One entry of the list of requests."""
        line = {"custom_id": custom_id, "params": body(request, self._config)}
        return json.dumps(line, ensure_ascii=False, allow_nan=False).encode(errors="replace")

    def decode(self, data: bytes, request: Request) -> Reply:
        """Read a reply as the online path does."""
        return decode(data, request)

    async def submit(self, tag: str, lines: Sequence[bytes]) -> Submitted:
        """Post all requests; their custom ids carry the tag."""
        content = b'{"requests":[' + b",".join(lines) + b"]}"
        headers = {"Content-Type": "application/json"}
        made = await self._asked(
            lambda: self._client.post(PATH, cast_to=httpx2.Response, content=content, options={"headers": headers})
        )
        return Submitted(self._batch(made).id)

    async def find(self, tag: str, *, requests: int, since: datetime, known: Collection[str]) -> Submitted | Sighting:
        """Look through the list for batches of this size and time, and into the results of those that have ended."""
        perhaps, after = False, ""
        while True:
            page = await self._page(after)
            for batch in page.data:
                if batch.created_at < since - EARLIER:
                    return Sighting.PERHAPS if perhaps else Sighting.NOWHERE
                if batch.id in known or batch.request_counts.total != requests:
                    continue
                if batch.processing_status != "ended":
                    perhaps = True
                elif await self._begins_with(batch.id, tag):
                    return Submitted(batch.id)
            if not page.has_more or not page.data:
                return Sighting.PERHAPS if perhaps else Sighting.NOWHERE
            after = page.data[-1].id

    async def look(self, remote_id: str) -> Remote:
        """Ask how far the batch is; the vendor counts nothing before all is done."""
        response = await self._asked(lambda: self._client.get(f"{PATH}/{remote_id}", cast_to=httpx2.Response))
        batch = self._batch(response)
        counts = batch.request_counts
        return Remote(
            Stage.ENDED if batch.processing_status == "ended" else Stage.WORKING, counts.total - counts.processing
        )

    async def results(self, remote_id: str) -> AsyncGenerator[Line]:
        """Read the results, not at the address that the server names for them: the key would go along."""
        stream = await self._asked(
            lambda: self._client.get(f"{PATH}/{remote_id}/results", cast_to=httpx2.Response, options={"headers": RAW})
        )
        try:
            async for data in json_lines(stream):
                line = parse(ResultLine, data)
                if line is not None:
                    yield self._line(line)
        except (httpx2.HTTPError, anthropic.APIError, OSError) as error:
            raise broken(self._endpoint, error) from None

    async def cancel(self, remote_id: str) -> None:
        """Ask for the end of the batch; what was answered by then is billed and can be read."""
        await self._asked(lambda: self._client.post(f"{PATH}/{remote_id}/cancel", cast_to=httpx2.Response))

    async def clean_up(self, input_file: str) -> None:
        """There is no file."""

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    def _line(self, line: "ResultLine") -> Line:
        result = line.result
        if result.type == "succeeded":
            return Line(line.custom_id, body_of(result.message))
        if result.type == "errored":
            error = result.error.error if result.error is not None and result.error.error is not None else Fault()
            status = STATUS.get(error.type or "", 500)
            return Line(line.custom_id, failure=self._refused(status, error))
        return Line(line.custom_id, failure=Lapsed(f"the batch ended before this request was answered ({result.type})"))

    def _refused(self, status: int, error: "Fault") -> CallFailed:
        return refused(self._endpoint, "of a batch", status, error.type, error.message)

    async def _begins_with(self, remote_id: str, tag: str) -> bool:
        async with aclosing(self.results(remote_id)) as lines:
            async for line in lines:
                return is_ours(line.custom_id, tag)
        return False

    async def _page(self, after: str) -> "Page":
        asked: dict[str, Any] = {"limit": PAGE} | ({"after_id": after} if after else {})
        response = await self._asked(lambda: self._client.get(PATH, cast_to=httpx2.Response, options={"params": asked}))
        page = parse(Page, response.content)
        if page is None:
            raise malformed(f"endpoint {self._endpoint.name!r}", response.content, None)
        return page

    def _batch(self, response: httpx2.Response) -> "Batch":
        found = parse(Batch, response.content)
        if found is None:
            raise malformed(f"endpoint {self._endpoint.name!r}", response.content, None)
        return found

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        async with within(self._seconds, self._endpoint):
            try:
                return await ask()
            except anthropic.APIStatusError as error:
                raise failure(self._endpoint, "of a batch", refusal(error)) from None
            except anthropic.APIConnectionError as error:
                raise broken(self._endpoint, error) from None


class Counts(Wire):
    """The requests of a batch by how they ended."""

    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class Batch(Wire):
    """A batch."""

    id: str
    processing_status: str
    created_at: datetime
    request_counts: Counts


class Page(Wire):
    """A piece of the list of batches, newest first."""

    data: list[Batch]
    has_more: bool = False


class Fault(Wire):
    """Why a request failed."""

    type: str | None = None
    message: str | None = None


class Wrapped(Wire):
    """An error within an error object."""

    error: Fault | None = None


class Result(Wire):
    """How one request ended: succeeded, errored, canceled or expired."""

    type: str
    message: Any = None
    error: Wrapped | None = None


class ResultLine(Wire):
    """One line of the results."""

    custom_id: str
    result: Result
