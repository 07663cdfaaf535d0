"""Workers hold to what may be read, where links can be followed: whoever handed the work in."""

from dataclasses import replace
from pathlib import Path

import pytest

from autointerp import demo
from autointerp.domain.reach import EVERYTHING, Reach
from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidSpec
from autointerp.pipeline.subjects import LoadedSubjects


def _subjects(tmp_path: Path, reach: Reach) -> LoadedSubjects:
    return LoadedSubjects(device="cpu", tokens=tmp_path / "tokens", baselines=str(tmp_path / "b"), reach=reach)


def _spec(kind: str, corpus: Path) -> HarvestSpec:
    return HarvestSpec.model_validate(
        {
            "subject": {"model": str(demo.MODEL)},
            "saes": [{"baseline": "neurons", "hook": "model.layers.0"}],
            "corpus": {"kind": kind, "path": str(corpus)},
            "tokens": 1000,
        }
    )


@pytest.mark.parametrize("kind", ["jsonl", "dataset"])
def test_a_file_that_is_a_link_out_of_the_roots_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.jsonl").write_text('{"text": "the secret"}\n')
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.jsonl").symlink_to(tmp_path / "secret.jsonl")
    reach = replace(EVERYTHING, roots=(tmp_path / "root", demo.MODEL))

    with pytest.raises(InvalidSpec, match=r"a\.jsonl' is not among what may be read here"):
        _subjects(tmp_path, reach).subject(_spec(kind, tmp_path / "root"))


def test_a_data_set_that_names_an_address_is_refused(tmp_path: Path) -> None:
    card = "---\nconfigs:\n- config_name: default\n  data_files: http://169.254.169.254/x.jsonl\n---\n"
    (tmp_path / "README.md").write_text(card)
    reach = replace(EVERYTHING, roots=(tmp_path, demo.MODEL))

    with pytest.raises(InvalidSpec, match="AUTOINTERP_REACH__URLS"):
        _subjects(tmp_path, reach).subject(_spec("dataset", tmp_path))


def test_a_model_out_of_the_roots_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="AUTOINTERP_REACH__ROOTS"):
        _subjects(tmp_path, replace(EVERYTHING, roots=(tmp_path,))).subject(_spec("jsonl", tmp_path))
