"""API keys, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from autointerp.api.paging import Page, Paged
from autointerp.api.parts import Stored
from autointerp.api.problems import documented
from autointerp.api.schemas.keys import WANTED_EXAMPLE, Key, KeyWanted, NewKey
from autointerp.domain.keys import new_token
from autointerp.errors import NotFound
from autointerp.storage import keys

router = APIRouter(prefix="/keys", tags=["keys"])
Wanted = Annotated[KeyWanted, Body(openapi_examples={"reader": {"summary": "for reading", "value": WANTED_EXAMPLE}})]


@router.post("", status_code=201, responses=documented())
def create_key(database: Stored, response: Response, wanted: Wanted) -> NewKey:
    """Make a key; its secret is in this answer and can never be read again."""
    token = new_token()
    with database.write() as session:
        key = keys.create(session, token, **dict(wanted))
    response.headers["Location"] = f"/v1/keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    return NewKey.made(key, str(token))


@router.get("", responses=documented())
def list_keys(database: Stored, paging: Paged) -> Page[Key]:
    """List keys, also those that are revoked or have expired."""
    with database.read() as session:
        rows = keys.list_keys(session, after=paging.after_text(), limit=paging.limit + 1)
    return paging.page(rows, key=lambda row: row.id, show=Key.of)


@router.get("/{key_id}", responses=documented(NotFound))
def get_key(database: Stored, key_id: str) -> Key:
    """Show one key."""
    with database.read() as session:
        return Key.of(keys.get(session, key_id))


@router.post("/{key_id}/revoke", responses=documented(NotFound))
def revoke_key(database: Stored, key_id: str) -> Key:
    """Let a key open nothing from the next request on."""
    with database.write() as session:
        return Key.of(keys.revoke(session, key_id))
