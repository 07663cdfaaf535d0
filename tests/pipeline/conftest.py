import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autointerp.pipeline.subjects import LoadedSubjects
from autointerp.subject.planted import planted
from tests.pipeline.world import World, harvest_into, open_world


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted subject, its SAE and its texts as files."""
    path = tmp_path_factory.mktemp("planted")
    planted().save(path)
    return path


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> LoadedSubjects:
    """Loads the planted subject once for all tests."""
    data_dir = tmp_path_factory.mktemp("data")
    return LoadedSubjects(device="cpu", tokens=data_dir / "tokens", baselines=str(data_dir / "baselines"))


@pytest.fixture(scope="session")
def harvested(folder: Path, subjects: LoadedSubjects, upgraded_sqlite: Path) -> Path:
    """A database with the finished harvest of the planted subject, made by the stages."""
    path = folder / "harvested.db"
    shutil.copyfile(upgraded_sqlite, path)
    asyncio.run(harvest_into(f"sqlite:///{path}", folder=folder, subjects=subjects))
    return path


@pytest.fixture
async def world(harvested: Path, folder: Path, subjects: LoadedSubjects, tmp_path: Path) -> AsyncIterator[World]:
    """The stages over a copy of the harvested database."""
    path = tmp_path / "autointerp.db"
    shutil.copyfile(harvested, path)
    async with open_world(f"sqlite:///{path}", folder=folder, data_dir=tmp_path, subjects=subjects) as opened:
        yield opened
