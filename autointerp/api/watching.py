"""Every request is named, counted, timed, traced and logged, whatever becomes of it."""

import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autointerp.api.metrics import RequestMeter
from autointerp.observing import tracing
from autointerp.observing.context import about

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
SUBJECT = re.compile(r"/v1/(run|harvest)s/([A-Za-z0-9-]{1,64})(?:/|$)")
NOWHERE = "(none)"
PREFIX = "/v1"
FAILED = 500
access = logging.getLogger("autointerp.access")


@dataclass(frozen=True, slots=True)
class Watched:
    """Watches the requests of the application in it."""

    app: ASGIApp
    meter: RequestMeter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the request's name."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        watch = Watch(scope)
        headers = Headers(scope=scope)
        with (
            about(request_id=watch.request, **_subject(scope["path"])),
            tracing.continued(_carrier(headers)),
            tracing.span(
                scope["method"], **{"http.request.method": scope["method"], "url.path": scope["path"]}
            ) as span,
        ):
            try:
                await self.app(scope, receive, watch.sending(send))
            finally:
                self._tell(watch, span)

    def _tell(self, watch: "Watch", span: Any) -> None:
        method, route, seconds = watch.scope["method"], watch.route, time.perf_counter() - watch.begun
        self.meter.count(method=method, route=route, status=watch.status, seconds=seconds)
        if span is not None:
            span.update_name(f"{method} {route}")
            span.set_attributes({"http.route": route, "http.response.status_code": watch.status})
        fields = {"method": method, "route": route, "status": watch.status, "seconds": round(seconds, 4)}
        access.info("%s %s %d", method, watch.scope["path"], watch.status, extra={"fields": fields})


class Watch:
    """One request under way; its name is the caller's if that is a sane one."""

    def __init__(self, scope: Scope) -> None:
        given = Headers(scope=scope).get(HEADER, "")
        self.request = given if SANE.fullmatch(given) else uuid.uuid4().hex
        self.scope = scope
        self.status = FAILED  # of a request that is never answered
        self.begun = time.perf_counter()
        scope.setdefault("state", {})["request_id"] = self.request

    @property
    def route(self) -> str:
        """The template of the path, known once the request was routed; a route may leave out the common prefix."""
        template: str = getattr(self.scope.get("route"), "path_format", NOWHERE)
        bare = template.startswith("/") and not template.startswith(PREFIX)
        return PREFIX + template if bare and self.scope["path"].startswith(f"{PREFIX}/") else template

    def sending(self, send: Send) -> Send:
        """Send the answer with the request's name, and note how it begins."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = self.request
            await send(message)

        return named


def _subject(path: str) -> dict[str, str]:
    found = SUBJECT.match(path)
    return {} if found is None else {f"{found[1]}_id": found[2]}


def _carrier(headers: Headers) -> Mapping[str, str]:
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
