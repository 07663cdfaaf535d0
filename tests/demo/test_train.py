"""The training script, end to end at a toy size."""

from pathlib import Path

import pytest
import torch
from sae_lens import SAE
from transformers import AutoTokenizer, LlamaForCausalLM

from autointerp.demo.train import main
from autointerp.demo.training import model, report, splice, tokens
from autointerp.demo.training.measure import unigram_loss
from autointerp.demo.training.recipe import SMOKE, STAGES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    main(["--smoke", "--out", str(folder)])
    return folder


def test_the_script_makes_a_model_and_two_saes_and_measures_them(made: Path) -> None:
    found = report.read(made / "report.json", hook="")

    assert tuple(found.stages) == STAGES
    assert found.model is not None
    assert found.model.validation_loss < 6.3  # log(512) is 6.24: it has begun to learn
    assert set(found.saes) == {"sae-topk", "sae-jumprelu"}
    assert found.saes["sae-topk"].l0 == pytest.approx(SMOKE.topk, abs=0.5)
    assert "loss recovered" in report.table(found)


def test_what_the_script_makes_loads_by_itself(made: Path) -> None:
    assert len(AutoTokenizer.from_pretrained(made / "model")) == SMOKE.model.vocabulary
    assert LlamaForCausalLM.from_pretrained(made / "model").config.num_hidden_layers == SMOKE.model.layers
    for name in ("sae-topk", "sae-jumprelu"):
        sae = SAE.load_from_disk(made / name)
        assert sae.cfg.metadata.hook_name == SMOKE.sae.hook
        assert torch.allclose(sae.W_dec.norm(dim=-1), torch.ones(SMOKE.sae.features), atol=1e-5)


def test_one_stage_can_be_done_again_alone(made: Path) -> None:
    weights = made / "model" / "model.safetensors"
    before = weights.read_bytes()

    main(["--smoke", "--out", str(made), "--stage", "sae-topk"])

    assert weights.read_bytes() == before


def test_the_learning_rate_warms_up_and_falls() -> None:
    recipe = SMOKE.model
    rates = [model.rate(recipe, step) for step in range(recipe.steps)]

    assert max(rates) == pytest.approx(recipe.peak_rate)
    assert rates[0] < recipe.peak_rate / 2
    assert rates[-1] < 2 * recipe.final_rate


def test_contexts_begin_with_the_boundary_and_lose_no_token() -> None:
    stream = torch.arange(1, 22)

    contexts = tokens.contexts(stream, length=6, boundary=0)

    assert contexts.shape == (4, 6)
    assert contexts[:, 0].tolist() == [0, 0, 0, 0]
    assert contexts[:, 1:].flatten().tolist() == list(range(1, 21))


def test_frequencies_that_say_nothing_cost_the_logarithm_of_the_vocabulary() -> None:
    even = torch.arange(8).repeat(1000)

    assert unigram_loss(even, even.view(-1, 8), vocabulary=8) == pytest.approx(2.0794, abs=1e-3)


def test_an_edit_reaches_every_position_but_the_first() -> None:
    untrained = model.build(SMOKE.model, boundary=0).eval()
    contexts = torch.randint(1, 512, (2, 8), generator=torch.Generator().manual_seed(0))
    seen: list[tuple[int, ...]] = []

    def edit(found: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(found.shape))
        return found

    splice.cross_entropy(untrained, SMOKE.sae.hook, contexts, edit)

    assert seen == [(2, 6, SMOKE.model.width)]  # eight tokens, of which seven are read and the first is left alone
