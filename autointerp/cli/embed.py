"""`autointerp embed`: vectors for the explanations that have none, so that they can be searched by meaning."""

from autointerp import settings, wiring
from autointerp.cli.console import note
from autointerp.cli.parts import opened

TOLD = 10_000


def embed() -> None:
    """Give every explanation its vector; a running worker does the same for new ones by itself."""
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= TOLD:
            told = done
            note(f"{done:,} explanations embedded")

    with opened() as database:
        count = wiring.embed_missing(settings.load(), database, tell)
    note(f"{count:,} explanations embedded in all")
