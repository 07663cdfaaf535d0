from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM, PreTrainedModel

from autointerp import demo
from autointerp.domain.specs import SubjectSpec
from autointerp.subject.model import SubjectModel, load_model, wrap
from autointerp.subject.planted import Planted, planted
from tests.roomy import save_roomy
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


@pytest.fixture(scope="session")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> SubjectModel:
    return load_model(SubjectSpec(model=str(save_roomy(tmp_path_factory.mktemp("roomy") / "model"))))


@pytest.fixture(scope="module", params=["planted", "demo", "stories", "gpt2", "sliding"])
def model(request: pytest.FixtureRequest) -> SubjectModel:
    """Models of every kind of position and attention."""
    if request.param == "planted":
        return request.getfixturevalue("subject").model
    if request.param == "demo":
        return load_model(SubjectSpec(model=str(demo.MODEL)))
    stories: SubjectModel = request.getfixturevalue("stories")
    if request.param == "stories":
        return stories
    module = _absolute() if request.param == "gpt2" else _sliding()
    return wrap(module, stories.tokenizer, name=request.param, revision=None, dtype="float32", device="cpu")


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


def _sliding() -> PreTrainedModel:
    """Attention that reaches back five places only."""
    torch.manual_seed(2)
    config = MistralConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=5,
        initializer_range=0.3,
        pad_token_id=None,
    )
    return MistralForCausalLM(config)


def _absolute() -> PreTrainedModel:
    torch.manual_seed(1)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=512, n_embd=32, n_layer=2, n_head=2, n_positions=256, initializer_range=0.3)
    )
