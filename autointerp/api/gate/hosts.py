"""Requests that a browser was tricked into: by a foreign name for this host, or from another web site."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from autointerp.api.gate.access import Access, Mode
from autointerp.errors import Forbidden

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What a proxy adds. One that does not ask who is there must not open a server that takes every caller for its owner.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_loopback(host: str) -> bool:
    """Whether a name or an address is that of this machine alone."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(access: Access, headers: Headers) -> None:
    """Refuse a request to a single-user server that did not come straight from this machine (DNS rebinding)."""
    if access.mode is not Mode.SINGLE_USER:
        return
    host = _name(headers.get("host", ""))
    if not is_loopback(host) and host not in access.hosts:
        raise Forbidden(
            f"this server answers its own machine alone and is asked here as {host[:100]!r}: use http://127.0.0.1, "
            "or add the name to AUTOINTERP_ACCESS__HOSTS"
        )
    if any(name in headers for name in FORWARDED):
        raise Forbidden(
            "this server answers its own machine alone and the request came through a proxy: "
            "set AUTOINTERP_ACCESS__MODE to keys, or to proxy if that asks who is there"
        )


def check_origin(access: Access, headers: Headers, method: str) -> None:
    """Refuse what another web site sends with somebody's browser, unless it is one of the configured origins."""
    if method in SAFE:
        return
    origin = headers.get("origin")
    if origin is None:
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    else:
        foreign = origin not in access.origins and urlsplit(origin).netloc != headers.get("host")
    if foreign:
        raise Forbidden(
            f"the web site {(origin or 'that sent this')[:200]} may not ask for this; "
            "an administrator can add it to AUTOINTERP_ACCESS__ORIGINS"
        )


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
