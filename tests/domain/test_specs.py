"""Specs refuse what cannot be meant and keep one digest for one meaning."""

from typing import Any

import pytest
from pydantic import ValidationError

from autointerp.domain.examples import Split
from autointerp.domain.specs import CorpusSpec, FeatureSelection, HarvestSpec, RunSpec, SaeSpec, ScorerSpec

HARVEST: dict[str, Any] = {
    "subject": {"model": "m"},
    "saes": [{"path": "s"}],
    "corpus": {"kind": "stdlib"},
}


def test_the_same_spec_has_the_same_digest_however_it_was_written() -> None:
    short = HarvestSpec.model_validate(HARVEST)
    long = HarvestSpec.model_validate({**HARVEST, "context": 256, "seed": 0})

    assert short.digest == long.digest
    assert short.digest != HarvestSpec.model_validate({**HARVEST, "seed": 1}).digest


def test_a_spec_survives_json() -> None:
    spec = RunSpec.model_validate({"harvest": HARVEST, "explainers": ["token_statistics"]})

    assert spec == RunSpec.model_validate_json(spec.model_dump_json())


def test_a_bare_name_stands_for_the_plug_in_without_options() -> None:
    spec = ScorerSpec.model_validate({"name": "detection", "judge": "lexical"})

    assert ("lexical", {}) == (spec.judge.name, spec.judge.options)


def test_a_bare_kind_stands_for_the_baseline_with_its_defaults() -> None:
    spec = SaeSpec.model_validate({"baseline": "ica", "hook": "model.layers.2"})

    assert SaeSpec.model_validate({"baseline": {"kind": "ica"}, "hook": "model.layers.2"}) == spec


@pytest.mark.parametrize(
    ("model", "value"),
    [
        pytest.param(SaeSpec, {}, id="an SAE from nowhere"),
        pytest.param(SaeSpec, {"path": "a", "release": "b"}, id="an SAE from two places"),
        pytest.param(SaeSpec, {"path": "a", "baseline": "pca", "hook": "h"}, id="an SAE and a baseline"),
        pytest.param(SaeSpec, {"baseline": "pca"}, id="a baseline of nowhere"),
        pytest.param(SaeSpec, {"baseline": {"kind": "neurons", "directions": 4}, "hook": "h"}, id="some neurons"),
        pytest.param(CorpusSpec, {"kind": "jsonl"}, id="a corpus without a path"),
        pytest.param(CorpusSpec, {"kind": "stdlib", "path": "x"}, id="a path that would be ignored"),
        pytest.param(CorpusSpec, {"kind": "text", "path": "x", "content": "chat"}, id="a chat in a plain text"),
        pytest.param(CorpusSpec, {"kind": "text", "path": "x", "field": "y"}, id="a field of a plain text"),
        pytest.param(CorpusSpec, {"kind": "jsonl", "path": "x", "split": "test"}, id="a split of a file"),
        pytest.param(CorpusSpec, {"kind": "jsonl", "path": "x", "long": "cut"}, id="packed documents cut short"),
        pytest.param(HarvestSpec, {**HARVEST, "skip_first": 256}, id="a context without a position"),
        pytest.param(FeatureSelection, {"indices": [1], "sample": 3}, id="a list and a sample"),
        pytest.param(HarvestSpec, {**HARVEST, "contxt": 3}, id="a misspelt option"),
        pytest.param(HarvestSpec, {**HARVEST, "window": 512}, id="a window longer than the context"),
        pytest.param(HarvestSpec, {**HARVEST, "shares": {Split.EXPLAIN: 1}}, id="a split without a share"),
        pytest.param(HarvestSpec, {**HARVEST, "saes": [{"path": "s"}, {"path": "s"}]}, id="an SAE named twice"),
        pytest.param(RunSpec, {"harvest": HARVEST}, id="a run with nothing to do"),
        pytest.param(RunSpec, {"harvest": "h", "explainers": ["default"], "llm": "gpt"}, id="a model without endpoint"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(model: type, value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(value)


@pytest.mark.parametrize("hook", ["sae:1", "sae:7"])
def test_a_baseline_lies_beside_an_sae_of_the_harvest(hook: str) -> None:
    good = HarvestSpec.model_validate({**HARVEST, "saes": [{"path": "s"}, {"baseline": "random", "hook": "sae:0"}]})

    assert [None, 0] == [sae.beside for sae in good.saes]
    with pytest.raises(ValidationError, match="names no SAE of the harvest"):
        HarvestSpec.model_validate({**HARVEST, "saes": [{"path": "s"}, {"baseline": "random", "hook": hook}]})


def test_a_control_is_named_once() -> None:
    with pytest.raises(ValidationError, match="the same control twice"):
        RunSpec.model_validate(
            {"harvest": "h", "explainers": ["default"], "controls": {"kinds": ["shuffled", "shuffled"]}}
        )
