"""The gate: every request passes it before its body is read and before any route sees it."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autointerp.api.gate import scopes
from autointerp.api.gate.access import Access, Caller, Mode
from autointerp.api.gate.desk import GateDesk
from autointerp.api.gate.hosts import SAFE, check_host, check_origin
from autointerp.api.gate.redaction import holds_key, without_keys
from autointerp.api.problems import problem_of
from autointerp.domain import keys
from autointerp.domain.keys import Key
from autointerp.errors import AutointerpError, NotFound, Unauthorised
from autointerp.storage.engine import Database
from autointerp.storage.journal import Deed

IN_URLS = frozenset({"key", "api_key", "apikey", "api-key", "token", "access_token"})
SCHEME = "bearer"


class Gate:
    """Asks who is there and how far they may go, and keeps the journal."""

    def __init__(self, app: ASGIApp, *, access: Access, database: Database) -> None:
        self._app = app
        self._access = access
        self._desk = GateDesk(database)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._pass(_Visit(scope), receive, send)
        else:
            await send({"type": "websocket.close"})  # nothing here speaks it

    async def _pass(self, visit: "_Visit", receive: Receive, send: Send) -> None:
        try:
            caller = await self._admit(visit)
        except AutointerpError as error:
            visit.status = error.status
            await problem_of(error, visit.path)(visit.scope, receive, send)
            await self._after_refusal(visit)
            return
        visit.scope.setdefault("state", {})["caller"] = caller
        try:
            await self._app(visit.scope, receive, visit.watching(send))
        finally:
            await self._after(visit, caller)

    async def _admit(self, visit: "_Visit") -> Caller:
        _check_url(visit.scope)
        check_host(self._access, visit.headers)
        check_origin(self._access, visit.headers, visit.method)
        if self._access.mode is not Mode.KEYS or (visit.route is not None and visit.route.scope is scopes.PUBLIC):
            return Caller(None, keys.Scope.ADMIN)
        token = _token(visit.headers)
        return await run_in_threadpool(self._admit_key, visit, token)

    def _admit_key(self, visit: "_Visit", token: keys.Token) -> Caller:
        visit.key = self._desk.know(token)
        if visit.route is not None and visit.route.scope is not None:
            return self._desk.admit(visit.key, visit.route.scope)
        caller = self._desk.admit(visit.key, keys.Scope.READ)
        # Nothing is declared. With another method there is something, and the answer is which; otherwise only an admin
        # finds out, in case a route was forgotten.
        if not scopes.is_known(visit.path) and not caller.scope.holds(keys.Scope.ADMIN):
            raise NotFound(f"there is nothing at {visit.path}; the API is described at /docs")
        return caller

    async def _after(self, visit: "_Visit", caller: Caller) -> None:
        if self._access.mode is Mode.SINGLE_USER:
            return
        if visit.method not in SAFE:
            await run_in_threadpool(self._desk.note, visit.deed)
        if caller.key is not None and self._desk.is_touch_due(caller.key):
            await run_in_threadpool(self._desk.touch, caller.key)

    async def _after_refusal(self, visit: "_Visit") -> None:
        if self._access.mode is not Mode.SINGLE_USER:
            await run_in_threadpool(self._desk.note_refusal, visit.deed)


@dataclass(eq=False, slots=True)
class _Visit:
    """One request and what became of it."""

    scope: Scope
    headers: Headers = field(init=False)
    route: scopes.Route | None = field(init=False)
    key: Key | None = None
    status: int = 500
    location: str = ""

    def __post_init__(self) -> None:
        self.headers = Headers(scope=self.scope)
        self.route = scopes.find(self.method, self.scope["path"])

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return without_keys(self.scope["path"])

    @property
    def deed(self) -> Deed:
        """What was done: to the record that the path names, or that the answer says was made."""
        named = "/".join(self.route.values) if self.route is not None else ""
        return Deed(
            key_id=None if self.key is None else self.key.id,
            method=self.method,
            route=None if self.route is None else self.route.template,
            record=without_keys(named or self.location.rpartition("/")[2]) or None,
            status=self.status,
        )

    def watching(self, send: Send) -> Send:
        """Send on, and see what was answered."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.location = Headers(raw=message.get("headers", [])).get("location", "")
            await send(message)

        return watched


def _check_url(scope: Scope) -> None:
    """Refuse a key in the address, where histories, proxies and logs keep it."""
    query = scope["query_string"].decode("latin-1")
    given = parse_qsl(query, keep_blank_values=True)
    if holds_key(scope["path"]) or any(name.lower() in IN_URLS or holds_key(value) for name, value in given):
        raise Unauthorised(
            "a key does not belong in an address, which logs keep: send it as `Authorization: Bearer KEY`, "
            "and revoke the one that stood here"
        )


def _token(headers: Headers) -> keys.Token:
    given = headers.getlist("authorization")
    if not given:
        raise Unauthorised("this needs a key: send `Authorization: Bearer KEY`")
    scheme, _, shown = given[0].partition(" ")
    token = keys.read_token(shown.strip()) if scheme.lower() == SCHEME and len(given) == 1 else None
    if token is None:
        raise Unauthorised("that is no key of this service: send `Authorization: Bearer ai_…`")
    return token
