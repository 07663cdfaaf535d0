"""Worlds to run in, and a stage for runs that have scored."""

import pytest

from autointerp.storage.engine import Database
from tests.pipeline.conftest import folder, harvested, subjects, world
from tests.runs.scored import Stage, stage

__all__ = ["folder", "harvested", "subjects", "world"]


@pytest.fixture(name="stage")
def a_stage(database: Database) -> Stage:
    """A database of twelve features for runs to be added to."""
    return stage(database)
