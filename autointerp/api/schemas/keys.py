"""API keys as the API shows them: everything but the secret, which is told once, when a key is made."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from autointerp.api.schemas.base import WHEN, Shown, example
from autointerp.domain.keys import Key as KeyRecord
from autointerp.domain.keys import Scope
from autointerp.storage.journal import JournalLine as LineRecord

PER_MINUTE = 600
KEY: dict[str, Any] = {
    "id": "4f2a90c1d3e7",
    "name": "the lab's dashboard",
    "scope": "read",
    "requests_per_minute": PER_MINUTE,
    "created_at": WHEN,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": WHEN,
    "valid": True,
}
WANTED_EXAMPLE: dict[str, Any] = {"name": "the lab's dashboard", "scope": "read"}
LINE: dict[str, Any] = {
    "id": 1,
    "at": WHEN,
    "key_id": "4f2a90c1d3e7",
    "method": "POST",
    "route": "/v1/runs/{run_id}/cancel",
    "record": "0006a1b2c3d4e5f60718293a",
    "status": 200,
}
Named = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Key(Shown):
    """An API key, without its secret."""

    model_config = example(**KEY)

    id: str
    name: str
    scope: Scope = Field(description="admin may do what run may, and run what read may")
    requests_per_minute: int | None = Field(description="null: no limit")
    created_at: datetime
    expires_at: datetime | None = Field(description="null: never")
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute; null: never")
    valid: bool = Field(description="false: it is revoked or has expired")

    @classmethod
    def of(cls, key: KeyRecord) -> Self:
        """Show a key."""
        return cls.model_validate(_shown(key))


class NewKey(Key):
    """A key that was just made, with what to send as `Authorization: Bearer KEY`; it is told this once."""

    model_config = example(**KEY, key="ai_4f2a90c1d3e7_" + 43 * "x")

    key: str

    @classmethod
    def made(cls, key: KeyRecord, token: str) -> Self:
        """Show a new key with its secret."""
        return cls.model_validate({**_shown(key), "key": token})


class KeyWanted(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Named = Field(description="whose it is, or what for")
    scope: Scope = Scope.READ
    requests_per_minute: int | None = Field(default=PER_MINUTE, ge=1, le=1_000_000, description="null: no limit")
    expires_at: AwareDatetime | None = Field(default=None, description="null: never")

    @field_validator("expires_at")
    @classmethod
    def _ahead(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= datetime.now(UTC):
            raise ValueError("a key that has expired already opens nothing; give a moment to come")
        return moment


class JournalLine(Shown):
    """One request that changed something, or that was refused."""

    model_config = example(**LINE)

    id: int
    at: datetime
    key_id: str | None = Field(description="null: it showed no key that is known here")
    method: str
    route: str | None = Field(description="the template of its path; null: there is no such route")
    record: str | None = Field(description="what its path named, or what it made; null: nothing")
    status: int

    @classmethod
    def of(cls, line: LineRecord) -> Self:
        """Show a line."""
        deed = line.deed
        return cls(
            id=line.id,
            at=line.at,
            key_id=deed.key_id,
            method=deed.method,
            route=deed.route,
            record=deed.record,
            status=deed.status,
        )


def _shown(key: KeyRecord) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope,
        "requests_per_minute": key.requests_per_minute,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "valid": key.is_valid(datetime.now(UTC)),
    }
