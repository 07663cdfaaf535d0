"""Plug-ins of one name are told apart by as few of their options as will do."""

from typing import Any

import pytest

from autointerp.domain.labels import labels, of_scorer
from autointerp.domain.specs import PluginSpec, ScorerSpec

TOLD: list[tuple[list[tuple[str, dict[str, Any]]], list[str]]] = [
    ([("default", {"n": 3}), ("bricken", {"n": 3})], ["default", "bricken"]),
    ([("default", {}), ("default", {"n": 3})], ["default", "default(n=3)"]),
    ([("default", {"n": 2, "m": 1}), ("default", {"n": 3, "m": 1})], ["default(n=2)", "default(n=3)"]),
    ([("a", {"x": 1, "y": 1}), ("a", {"x": 1, "y": 2}), ("a", {"x": 2, "y": 1})],
     ["a(x=1, y=1)", "a(x=1, y=2)", "a(x=2, y=1)"]),
    ([("a", {"x": 1, "y": 1, "z": "s"}), ("a", {"x": 1, "y": 2, "z": "t"})], ["a(y=1)", "a(y=2)"]),
    ([("a", {"x": 1}), ("a", {"x": 1}), ("a", {"x": 2})], ["a(x=1) #1", "a(x=1) #2", "a(x=2)"]),
    ([("a", {"of": {"name": "b"}}), ("a", {})], ['a(of={"name":"b"})', "a"]),
]  # fmt: skip


@pytest.mark.parametrize(("named", "expected"), TOLD)
def test_a_label_has_the_fewest_options_that_tell(named: list[tuple[str, dict[str, Any]]], expected: list[str]) -> None:
    assert list(labels(named)) == expected


def test_a_scorer_is_named_with_its_judge_and_the_options_of_both() -> None:
    spec = ScorerSpec(name="detection", judge=PluginSpec(name="llm", options={"questions": 5}), options={"random": 10})

    assert spec.named == ("detection:llm", {"random": 10, "judge.questions": 5})
    assert of_scorer("rubric", {}, None, {}) == ("rubric", {})
