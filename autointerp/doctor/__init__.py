"""`autointerp doctor`: looks at everything a service needs, one file a part, and changes nothing."""

from collections.abc import Iterator

from autointerp import settings as loading
from autointerp.doctor.database import check_clock, check_database, check_engine, opened
from autointerp.doctor.endpoints import ask_endpoints, check_endpoints
from autointerp.doctor.findings import Finding, Level, failed
from autointerp.doctor.packages import check_packages
from autointerp.doctor.places import check_places
from autointerp.doctor.prompts import check_prompts
from autointerp.doctor.settings import check_settings
from autointerp.doctor.workers import check_workers
from autointerp.errors import AutointerpError

__all__ = ["Finding", "Level", "examine"]


def examine(*, ask: bool) -> Iterator[Finding]:
    """Yield what is found, part by part; nothing is sent to a language model unless `ask`."""
    try:
        settings = loading.load()
    except AutointerpError as error:
        yield failed("settings", error.detail, "correct it in the environment or in autointerp.toml")
        return
    yield from check_settings(settings)
    yield from check_places(settings)
    yield from check_prompts(settings)
    yield from check_packages(settings)
    yield from check_endpoints(settings)
    with opened(settings) as database:
        found = tuple(check_database(settings, database))
        yield from found
        if database is None or any(one.level is Level.FAILED for one in found):
            return
        yield from check_clock(database)
        yield from check_engine(database)
        yield from check_workers(settings, database)
        if ask:
            yield from ask_endpoints(settings, database)
