"""Libraries that load models take seconds to import, in whichever thread needs one first.

One thread at a time: what another has imported half has no names yet, or not all of them.
"""

import importlib
from threading import RLock

_ALONE = RLock()


def import_alone(*modules: str) -> None:
    """Import modules, while no other thread does so by this function."""
    with _ALONE:
        for name in modules:
            importlib.import_module(name)
