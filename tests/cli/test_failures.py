"""A deliberate failure is one sentence on stderr and exit code 1, never a traceback."""

import re
from pathlib import Path

import pytest

from tests.api.seed import Seeded
from tests.cli.conftest import Run

BASELINE = ["--model", "m", "--hook", "h", "--corpus", "stdlib", "--out", "none"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "4000"], "no feature 4000"),
        (["show", "1/4000"], "no feature with index 4000"),
        (["show", "99/1"], "no finished harvest of an SAE 99"),
        (["show", "cats"], "write its id, or SAE/INDEX"),
        (["features", "--harvest", "none"], "no harvest none"),
        (["features", "--sae", "7"], "has 1 SAEs"),
        (["export", "--run", "none"], "no run none"),
        (["run"], "a spec file or --resume"),
        (["run", "missing.toml"], "cannot read missing.toml"),
        (["run", "--resume", "none"], "no run none"),
        (["harvest"], "a spec file, or --model, --sae or --baseline, and --corpus"),
        (["harvest", "--model", "m", "--sae", "s"], "--corpus"),
        (["harvest", "--model", "m", "--sae", "s", "--corpus", ""], "--corpus is empty"),
        (["baseline", "neurons", *BASELINE, "--directions", "3"], "the options do not fit: there are as many neurons"),
        (["explain", "--features", "1,x"], "'x' is no index or range"),
        (["explain", "--features", "4000"], "feature 4000 does not exist"),
        (["explain", "--features", "5", "--sample", "3"], "either indices or start/stop/sample"),
        (["explain", "--features", "5", "--explainer", "no_such"], "token_statistics"),
        (["explain", "--features", "5", "--llm", "nowhere/model"], "no LLM endpoint 'nowhere'"),
        (["explain", "--features", "5", "--llm", "model"], "--llm"),
        (["score", "--features", "5", "--scorer", "detection"], "detection:lexical"),
        (["score", "--features", "5", "--scorer", "no_such:lexical"], "detection"),
        (["score", "--features", "5", "--scorer", "detection:no_such"], "lexical"),
        (["serve", "--host", "0.0.0.0"], "autointerp keys create"),
        (["keys", "revoke", "none"], "no key 'none'"),
        (["keys", "create", ""], "name: String should have at least 1 character"),
        (["worker", "--queues", "no_such"], "there are llm, harvest, model"),
        (["db", "current", "--url", "mysql://somewhere/name"], "sqlite:///FILE"),
    ],
)
def test_a_failure_is_one_sentence_and_1(run: Run, seeded: Seeded, arguments: list[str], says: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().startswith("autointerp: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("harvest = ", "is no TOML file"),
        ('harvest = "x"', "name at least one explainer or scorer"),
        ('harvest = "x"\nexplainers = ["default"]\nsurprise = 1', "surprise"),
        ('explainers = ["default"]\n[harvest]\nsaes = []\nsubject = {model = "m"}', "harvest"),
        ('harvest = "x"\nexplainers = ["default"]\nllm = "model"', "llm"),
        (
            'explainers = ["default"]\n[harvest]\ncontxt = 3\nsaes = [{path = "s"}]\n'
            'subject = {model = "m"}\ncorpus = {kind = "stdlib"}',
            "harvest.spec.contxt",
        ),
    ],
)
def test_a_wrong_spec_file_says_where(run: Run, tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(content)

    done = run("run", str(path))

    assert done.exit_code == 1
    assert str(path) in done.stderr.replace("\n", "")
    assert says in done.stderr


def test_a_missing_model_says_so_and_stores_nothing(run: Run, tmp_path: Path) -> None:
    done = run(
        "harvest", "--model", str(tmp_path / "none"), "--sae", str(tmp_path), "--corpus", "stdlib", "--tokens", "9"
    )

    assert done.exit_code == 1
    assert done.stdout == ""
    assert re.fullmatch(rf"autointerp: the harvest \w+ failed: .*{tmp_path / 'none'}.*\n", done.stderr)
