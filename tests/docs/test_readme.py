"""What the README shows can be typed as it stands."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from autointerp.cli import app
from autointerp.domain.examples import Split
from autointerp.domain.specs import DEFAULT_SIZES, HarvestSpec, RunSpec

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()


def lines(page: Path) -> list[str]:
    """The lines of a page's code blocks."""
    return [
        line.strip() for block in re.findall(r"```\w*\n(.*?)```", page.read_text(), re.S) for line in block.split("\n")
    ]


def test_the_spec_of_the_readme_is_one() -> None:
    text = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]

    spec = RunSpec.model_validate(tomllib.loads(text))

    assert [scorer.name for scorer in spec.scorers] == ["detection", "fuzzing", "intervention"]


def blocks(page: str) -> list[dict[str, Any]]:
    """The TOML that a page shows."""
    return [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / page).read_text(), re.S)]


def test_the_sizes_shown_are_a_whole_spec_with_the_defaults_and_similar_text() -> None:
    (block,) = blocks("concepts.md")

    spec = HarvestSpec.model_validate(block)

    assert spec.needs_embedder
    plain = {split: sizes.model_copy(update={"similar_text": 0}) for split, sizes in spec.sizes.items()}
    assert plain == DEFAULT_SIZES
    assert spec.model_copy(update={"sizes": DEFAULT_SIZES}) == HarvestSpec.model_validate(
        {name: block[name] for name in ("subject", "saes", "corpus")}
    )


def test_the_corpus_and_the_shares_shown_are_valid() -> None:
    corpus, shares = blocks("corpora.md")
    (sizes,) = blocks("concepts.md")

    spec = HarvestSpec.model_validate({**sizes, **corpus, **shares})

    assert (spec.corpus.content, spec.corpus.layout) == ("chat", "rows")
    assert spec.shares[Split.VALIDATION] == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    root = typer.main.get_command(app)
    for line in (line for line in lines(page) if line.startswith("autointerp ")):
        words = shlex.split(re.split(r"\s[|>]\s|\s{2,}|\s#", line)[0])[1:]
        command: Any = root
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_shown_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))

    assert {line.split()[1] for line in lines(page) if line.startswith("make ")} <= targets
