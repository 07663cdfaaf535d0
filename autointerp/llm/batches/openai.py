"""OpenAI's batch API: a file of requests, a batch over it, and up to two files of results."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
import openai

from autointerp.domain.calls import Reply, Request
from autointerp.llm.base import Endpoint, Lapsed
from autointerp.llm.batches.base import Line, Remote, Sighting, Stage, Submitted
from autointerp.llm.batches.results import RAW, body_of, json_lines, refused
from autointerp.llm.chats import decode
from autointerp.llm.providers.openai import API, Config, body, refusal
from autointerp.llm.refusals import failure
from autointerp.llm.transport import Address, broken, open_http, within
from autointerp.llm.wire import Wire, malformed, parse

URL = "/v1/chat/completions"
TAG = "autointerp"
ENDED = frozenset({"completed", "expired", "cancelled"})
FULL = "token_limit_exceeded"
LAPSED = frozenset({"batch_expired", "batch_cancelled"})
KEPT = 3 * 24 * 3600  # seconds that the vendor keeps the file of requests, should nobody delete it
CLOCKS = timedelta(hours=1)  # how far apart the vendor's clock and ours may be
PAGE = 100


class OpenAIBatches:
    """The batch API through the official SDK; nothing is retried."""

    def __init__(self, endpoint: Endpoint, config: Config) -> None:
        address = Address.of(endpoint, API)
        self._endpoint = endpoint
        self._config = config
        self._seconds = endpoint.batch.timeout
        self._client = openai.AsyncOpenAI(
            api_key=address.key,
            base_url=address.base_url,
            max_retries=0,
            http_client=open_http(openai.DefaultAioHttpClient, address, self._seconds),
        )

    def line(self, custom_id: str, request: Request) -> bytes:
        """One line of the file."""
        content = body(request, self._config, hosted=self._endpoint.base_url is None)
        line = {"custom_id": custom_id, "method": "POST", "url": URL, "body": content}
        return json.dumps(line, ensure_ascii=False, allow_nan=False).encode(errors="replace")

    def decode(self, data: bytes, request: Request) -> Reply:
        """Read a reply as the online path does."""
        return decode(data, request)

    async def submit(self, tag: str, lines: Sequence[bytes]) -> Submitted:
        """Upload the file and make the batch, which carries the tag."""
        name, content = f"{TAG}-{tag}.jsonl", b"\n".join(lines) + b"\n"
        file = await self._asked(
            lambda: self._client.files.create(
                file=(name, content, "application/jsonl"),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": KEPT},
            )
        )
        asked = {"input_file_id": file.id, "endpoint": URL, "completion_window": "24h", "metadata": {TAG: tag}}
        made = await self._asked(lambda: self._client.post("/batches", cast_to=httpx2.Response, body=asked))
        return Submitted(self._batch(made).id, file.id)

    async def find(self, tag: str, *, requests: int, since: datetime, known: Collection[str]) -> Submitted | Sighting:
        """Look through the list, newest first, for the batch that carries the tag."""
        oldest, after = (since - CLOCKS).timestamp(), ""
        while True:
            page = await self._page(after)
            for batch in page.data:
                if (batch.metadata or {}).get(TAG) == tag:
                    return Submitted(batch.id, batch.input_file_id)
            if not page.has_more or not page.data or page.data[-1].created_at < oldest:
                return Sighting.NOWHERE
            after = page.data[-1].id

    async def look(self, remote_id: str) -> Remote:
        """Ask how far the batch is."""
        batch = await self._get(remote_id)
        done = batch.request_counts.completed + batch.request_counts.failed if batch.request_counts else 0
        if batch.status == "failed":
            told = (batch.errors.data or [] if batch.errors else []) or [Fault()]
            error = told[0].message or told[0].code or "the server does not say why"
            return Remote(Stage.FAILED, full=any(one.code == FULL for one in told), error=error)
        return Remote(Stage.ENDED if batch.status in ENDED else Stage.WORKING, done)

    async def results(self, remote_id: str) -> AsyncGenerator[Line]:
        """Read the files of results and of errors; either may not be there."""
        batch = await self._get(remote_id)
        for file in (batch.output_file_id, batch.error_file_id):
            if file is not None:
                async for line in self._lines(file, batch.model or "the model"):
                    yield line

    async def cancel(self, remote_id: str) -> None:
        """Ask for the end of the batch; what was answered by then is billed and can be read."""
        await self._asked(lambda: self._client.post(f"/batches/{remote_id}/cancel", cast_to=httpx2.Response))

    async def clean_up(self, input_file: str) -> None:
        """Delete the file of requests."""
        await self._asked(lambda: self._client.delete(f"/files/{input_file}", cast_to=httpx2.Response))

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def _lines(self, file: str, model: str) -> AsyncGenerator[Line]:
        content = f"/files/{file}/content"
        stream = await self._asked(lambda: self._client.get(content, cast_to=httpx2.Response, options={"headers": RAW}))
        try:
            async for data in json_lines(stream):
                line = parse(ResultLine, data)
                if line is not None:
                    yield self._line(line, model)
        except (httpx2.HTTPError, openai.APIError, OSError) as error:
            raise broken(self._endpoint, error) from None

    def _line(self, line: "ResultLine", model: str) -> Line:
        answered, fault = line.response, line.error
        if fault is not None and fault.code in LAPSED:
            return Line(
                line.custom_id, failure=Lapsed(f"the batch ended before this request was answered ({fault.code})")
            )
        if answered is None:
            told = fault or Fault()
            return Line(line.custom_id, failure=refused(self._endpoint, model, 500, told.code, told.message))
        if answered.status_code == 200:
            return Line(line.custom_id, body_of(answered.body))
        told = Told.of(answered.body)
        return Line(
            line.custom_id, failure=refused(self._endpoint, model, answered.status_code, told.code, told.message)
        )

    async def _get(self, remote_id: str) -> "Batch":
        path = f"/batches/{remote_id}"
        return self._batch(await self._asked(lambda: self._client.get(path, cast_to=httpx2.Response)))

    def _batch(self, response: httpx2.Response) -> "Batch":
        found = parse(Batch, response.content)
        if found is None:
            raise malformed(f"endpoint {self._endpoint.name!r}", response.content, None)
        return found

    async def _page(self, after: str) -> "Page":
        asked: dict[str, Any] = {"limit": PAGE} | ({"after": after} if after else {})
        response = await self._asked(
            lambda: self._client.get("/batches", cast_to=httpx2.Response, options={"params": asked})
        )
        page = parse(Page, response.content)
        if page is None:
            raise malformed(f"endpoint {self._endpoint.name!r}", response.content, None)
        return page

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        async with within(self._seconds, self._endpoint):
            try:
                return await ask()
            except openai.APIStatusError as error:
                raise failure(self._endpoint, "of a batch", refusal(error)) from None
            except openai.APIConnectionError as error:
                raise broken(self._endpoint, error) from None


class Fault(Wire):
    """Why a batch or one of its requests failed."""

    code: str | None = None
    message: str | None = None


class Faults(Wire):
    """All that was wrong with a batch."""

    data: list[Fault] | None = None


class Counts(Wire):
    """How many requests of a batch are through."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(Wire):
    """A batch."""

    id: str
    status: str
    created_at: int = 0
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Faults | None = None
    metadata: dict[str, Any] | None = None
    request_counts: Counts | None = None
    model: str | None = None


class Page(Wire):
    """A piece of the list of batches."""

    data: list[Batch]
    has_more: bool = False


class Told(Wire):
    """The error in the body of an answer with another status than 200."""

    code: str | None = None
    message: str | None = None

    @classmethod
    def of(cls, body: Any) -> "Told":
        """Read what can be read."""
        found = parse(Wrapped, json.dumps(body).encode())
        error = found.error if found is not None else None
        return cls(code=error.code or error.type, message=error.message) if error is not None else cls()


class Refused(Wire):
    """An error object."""

    code: str | None = None
    type: str | None = None
    message: str | None = None


class Wrapped(Wire):
    """A body that holds an error object."""

    error: Refused | None = None


class Answered(Wire):
    """The answer to one request."""

    status_code: int
    body: Any = None


class ResultLine(Wire):
    """One line of a file of results."""

    custom_id: str
    response: Answered | None = None
    error: Fault | None = None
