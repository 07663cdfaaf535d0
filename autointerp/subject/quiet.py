"""Keeps what other libraries have to say off the screen."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def quiet() -> Generator[None]:
    """Keep the library's bar and reports off the screen: what matters of them is raised as one sentence."""
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


@contextmanager
def unwarned() -> Generator[None]:
    """Pass over warnings: sae-lens gives some on being imported, and advice for its own users on loading."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
