"""The bundled model and its sparse autoencoders, as a user loads them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from sae_lens import SAE
from transformers import AutoModelForCausalLM, AutoTokenizer

from autointerp import demo
from autointerp.demo import stdlib
from autointerp.demo.training import report, splice, tokens
from autointerp.demo.training.measure import sae_quality

BUNDLED = report.read(demo.REPORT, hook=demo.HOOK)
FOLDERS = [pytest.param(folder, id=folder.name) for folder in demo.SAES]


@cache
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(demo.MODEL, local_files_only=True).eval()


@cache
def held_out() -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(demo.MODEL, local_files_only=True)
    texts = [text for _, text in stdlib.documents("validation") if 5_000 < len(text) < 20_000]
    stream = tokens.stream(tokenizer, texts)
    return tokens.contexts(stream, length=256, boundary=tokens.boundary_of(tokenizer))[::12]


def test_the_tokenizer_gives_back_the_text() -> None:
    tokenizer = AutoTokenizer.from_pretrained(demo.MODEL, local_files_only=True)
    text = "def naïve(x):\n\treturn x  # ∑ 🐍\n"

    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text
    assert tokenizer.bos_token == tokenizer.eos_token == "<|endoftext|>"
    assert len(tokenizer) == 4096


def test_the_model_has_learned_the_language() -> None:
    assert BUNDLED.model is not None

    loss = splice.cross_entropy(model(), demo.HOOK, held_out(), lambda found: found)

    assert loss < BUNDLED.model.unigram_loss - 2
    assert loss == pytest.approx(BUNDLED.model.validation_loss, abs=0.7)


def test_the_model_continues_a_line_of_python() -> None:
    tokenizer = AutoTokenizer.from_pretrained(demo.MODEL, local_files_only=True)
    prompt = tokenizer("<|endoftext|>import os\nimport sys\n\ndef __init__(self", return_tensors="pt")

    written = model().generate(**prompt, max_new_tokens=8, do_sample=False, pad_token_id=0)

    assert tokenizer.decode(written[0]).removeprefix(tokenizer.decode(prompt["input_ids"][0]))[0] in ",):"


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_sae_does_on_a_sample_what_the_report_says(folder: Path) -> None:
    sae = SAE.load_from_disk(folder)
    reported = BUNDLED.saes[folder.name]

    found = sae_quality(model(), sae, demo.HOOK, held_out())

    assert found.l0 == pytest.approx(reported.l0, rel=0.25)
    assert 15 <= found.l0 <= 60
    assert found.loss_recovered >= 0.9
    assert found.fraction_unexplained < 0.3


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_sae_has_unit_decoder_norms_and_names_its_hook(folder: Path) -> None:
    sae = SAE.load_from_disk(folder)

    assert torch.allclose(sae.W_dec.norm(dim=-1), torch.ones(2048), atol=1e-5)
    assert sae.cfg.metadata.hook_name == demo.HOOK
    assert (folder / sae.cfg.metadata.model_name).resolve() == demo.MODEL.resolve()


def test_the_report_holds_what_was_promised() -> None:
    assert BUNDLED.model is not None
    assert BUNDLED.model.validation_loss < BUNDLED.model.unigram_loss - 2
    assert set(BUNDLED.saes) == {folder.name for folder in demo.SAES}
    for sae in BUNDLED.saes.values():
        assert sae.loss_recovered >= 0.9
        assert 15 <= sae.l0 <= 60


def test_the_files_are_small_and_name_no_machine() -> None:
    files = [path for path in demo.FILES.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 12_000_000
    for path in files:
        if path.suffix == ".json" and path.name != "tokenizer.json":
            assert not [text for text in _strings(json.loads(path.read_text())) if text.startswith("/")]


def _strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in _strings(item)]
        case list():
            return [text for item in value for text in _strings(item)]
        case _:
            return []
