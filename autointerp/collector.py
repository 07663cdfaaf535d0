"""What Python's garbage collector need not look through."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def old_memory_left_alone() -> Generator[None]:
    """Keep the garbage collector from looking through all that was loaded before the work began, again and again.

    It is hundreds of thousands of objects that stay: looking takes an eighth of a worker's time, and an API process
    answers nobody meanwhile.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
