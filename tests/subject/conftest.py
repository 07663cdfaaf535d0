from pathlib import Path

import pytest
import torch

from autointerp.domain.specs import SubjectSpec
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.planted import Planted, planted
from tests.subject.sae_folders import FEATURES, WIDTH, Weights

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


@pytest.fixture
def weights() -> Weights:
    """Weights of an SAE for the stories model, whose decoder rows have very different norms."""
    draw = torch.Generator().manual_seed(0)
    decoder = torch.randn(FEATURES, WIDTH, generator=draw) * torch.linspace(0.2, 3, FEATURES)[:, None]
    return {
        "W_enc": torch.randn(WIDTH, FEATURES, generator=draw) / 8,
        "b_enc": torch.randn(FEATURES, generator=draw) / 10,
        "W_dec": decoder,
        "b_dec": torch.randn(WIDTH, generator=draw) / 10,
    }
