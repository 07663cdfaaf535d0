"""The parts that endpoints use, given to the application when it is made."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from autointerp.api.broadcast import Broadcast
from autointerp.api.leaving import Leaving
from autointerp.api.looks import Looks
from autointerp.runs import Desk
from autointerp.storage.engine import Database
from autointerp.storage.meanings import Meanings


@dataclass(frozen=True, slots=True)
class Parts:
    """What endpoints read from, where they hand in work, and what tells how far it is."""

    database: Database
    desk: Desk
    looks: Looks
    broadcast: Broadcast
    meanings: Meanings = field(default_factory=Meanings)


def _database(request: Request) -> Database:
    return cast(Parts, request.app.state.parts).database


def _desk(request: Request) -> Desk:
    return cast(Parts, request.app.state.parts).desk


def _leaving(request: Request) -> Leaving:
    return cast(Leaving, request.app.state.leaving)


def _looks(request: Request) -> Looks:
    return cast(Parts, request.app.state.parts).looks


def _broadcast(request: Request) -> Broadcast:
    return cast(Parts, request.app.state.parts).broadcast


def _meanings(request: Request) -> Meanings:
    return cast(Parts, request.app.state.parts).meanings


MOST = 2**63 - 1  # the largest id that a database keeps
Id = Annotated[int, Path(ge=1, le=MOST)]
OfId = Annotated[int | None, Query(ge=1, le=MOST)]
Stored = Annotated[Database, Depends(_database)]
AtDesk = Annotated[Desk, Depends(_desk)]
Told = Annotated[Leaving, Depends(_leaving)]
Watched = Annotated[Looks, Depends(_looks)]
AtBroadcast = Annotated[Broadcast, Depends(_broadcast)]
ByMeaning = Annotated[Meanings, Depends(_meanings)]
