from pathlib import Path

import pytest

from autointerp.domain.specs import SubjectSpec
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.planted import Planted, planted

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the shared inputs are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def stories(shared: Path) -> SubjectModel:
    return load_model(SubjectSpec(model=str(shared / "models" / "stories260K")))


@pytest.fixture(scope="session")
def subject() -> Planted:
    return planted()
