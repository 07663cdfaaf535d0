"""What rows of an archive refer to must stand in the archive, in a file before theirs."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from autointerp.domain import archived
from autointerp.errors import InvalidInput


class References:
    """What was there so far; a bit for each feature of an SAE, so that millions of them fit."""

    def __init__(self) -> None:
        self._known: defaultdict[str, set[str]] = defaultdict(set)
        self._features: defaultdict[tuple[str, str], bytearray] = defaultdict(bytearray)

    def note(self, row: archived.Archived, where: str) -> None:
        """Check one row and remember it; InvalidInput when it refers to what is not there. `where` is its file."""
        for kind, name in _referred(row):
            if name is not None and name not in self._known[kind]:
                raise InvalidInput(f"{where} refers to the {kind} {name}, which is not in the archive; export it again")
        match row:
            case archived.ArchivedModel():
                self._known["model"].add(row.identity)
            case archived.ArchivedSae():
                self._known["SAE"].add(row.fingerprint)
            case archived.ArchivedHarvest():
                self._known["harvest"].add(row.id)
            case archived.ArchivedRun():
                self._known["run"].add(row.id)
            case archived.ArchivedFeature():
                self._add(row)
            case archived.OfFeature():
                self._need(row, where)
            case _:
                pass

    def _add(self, row: archived.OfFeature) -> None:
        bits, place = self._features[row.harvest, row.sae], row.index >> 3
        if place >= len(bits):
            bits.extend(bytes(place + 1 - len(bits)))
        bits[place] |= 1 << (row.index & 7)

    def _need(self, row: archived.OfFeature, where: str) -> None:
        bits, place = self._features[row.harvest, row.sae], row.index >> 3
        if place >= len(bits) or not bits[place] >> (row.index & 7) & 1:
            raise InvalidInput(
                f"{where} refers to feature {row.index} of the SAE {row.sae}, which is not in the archive; "
                "export it again"
            )


def _referred(row: Any) -> Iterable[tuple[str, str | None]]:
    if isinstance(row, archived.ArchivedSae | archived.ArchivedHarvest):
        yield "model", row.model
    if isinstance(row, archived.ArchivedHarvest):
        yield from (("SAE", one.fingerprint) for one in row.saes)
    if isinstance(row, archived.ArchivedPool | archived.ArchivedRun | archived.OfFeature):
        yield "harvest", row.harvest
    if isinstance(row, archived.ArchivedRunFeature | archived.ArchivedClaim | archived.ArchivedScore):
        yield "run", row.run
