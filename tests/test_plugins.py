"""Plug-ins are found by file name, and a wrong name or option is told in one sentence."""

import sys
from pathlib import Path

import pytest

from autointerp import plugins
from autointerp.errors import InvalidSpec


def test_every_role_ships_plug_ins() -> None:
    assert {"default", "token_statistics"} <= set(plugins.names("explainer"))
    assert {"detection", "fuzzing", "intervention", "intruder", "rubric", "saebench"} <= set(plugins.names("scorer"))
    assert {"decisions", "embedding", "lexical", "llm"} <= set(plugins.names("judge"))
    assert {"anthropic", "fake", "openai", "recorded", "systemone"} <= set(plugins.names("provider"))


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(
        InvalidSpec, match="there is no judge 'oracle'; there are decisions, embedding, fixed, lexical, llm"
    ):
        plugins.configure("judge", "oracle", {})


def test_an_unknown_option_is_told_which_there_are() -> None:
    with pytest.raises(InvalidSpec, match=r"scorer 'detection': colour: .* its options are "):
        plugins.configure("scorer", "detection", {"colour": "red"})


def test_a_dotted_name_is_imported_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_judges.py").write_text(
        "from pydantic import BaseModel\n\nclass Config(BaseModel):\n    limit: int = 3\n\n"
        "    def build(self, tools: object) -> int:\n        return self.limit\n"
    )
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "mine.py").write_text((tmp_path / "my_judges.py").read_text())
    monkeypatch.syspath_prepend(tmp_path)

    config = plugins.configure("judge", "pkg.mine", {"limit": 5})

    assert 5 == config.build(None)
    assert "my_judges" not in sys.modules


def test_a_dotted_name_that_does_not_exist_is_told() -> None:
    with pytest.raises(InvalidSpec, match="cannot be imported"):
        plugins.configure("judge", "no_such_package.judge", {})


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pens").mkdir()
    (tmp_path / "pens" / "slip.py").write_text("import os\n\ndef build(:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidSpec, match=r"scorer 'pens.slip' is no valid Python: .*slip\.py, line 3\)$"):
        plugins.configure("scorer", "pens.slip", {})
