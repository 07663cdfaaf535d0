"""Files that could run code are not opened, unless an administrator says so."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from autointerp import demo
from autointerp.domain.specs import SaeSpec, SubjectSpec
from autointerp.errors import InvalidModel
from autointerp.subject.embedder import open_embedder
from autointerp.subject.model import load_model
from autointerp.subject.planted import Planted
from autointerp.subject.sae import load_sae
from tests.subject import sae_folders as made

WEIGHTS = {
    "W_enc": torch.zeros(64, 96),
    "W_dec": torch.zeros(96, 64),
    "b_enc": torch.zeros(96),
    "b_dec": torch.zeros(64),
}


class Trap:
    """Leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    ("layout", "make"),
    [
        ("dictionary_learning", made.dictionary_learning),
        ("hook_z", made.hook_z),
        ("qwen_scope", made.qwen_scope),
    ],
)
def test_an_sae_in_a_pickle_is_refused(layout: str, make: Any, tmp_path: Path, subject: Planted) -> None:
    path = make(tmp_path, WEIGHTS)

    with pytest.raises(InvalidModel, match=r"is a pickle.*safetensors, or set AUTOINTERP_REACH__PICKLES=true"):
        load_sae(SaeSpec.model_validate({"path": str(path), "layout": layout}), subject.model)


def test_a_pickle_is_not_even_opened(tmp_path: Path, subject: Planted) -> None:
    path = made.dictionary_learning(tmp_path / "sae", WEIGHTS)
    (path / "ae.pt").write_bytes(pickle.dumps(Trap(tmp_path / "mark")))

    with pytest.raises(InvalidModel, match="is a pickle"):
        load_sae(SaeSpec.model_validate({"path": str(path), "layout": "dictionary_learning"}), subject.model)

    assert not (tmp_path / "mark").exists()


def test_a_model_whose_weights_are_a_pickle_is_refused(tmp_path: Path) -> None:
    for path in demo.MODEL.iterdir():
        if path.suffix == ".json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "mark")))

    with pytest.raises(InvalidModel, match=r"pytorch_model\.bin is a pickle"):
        load_model(SubjectSpec(model=str(tmp_path)))
    with pytest.raises(InvalidModel, match=r"pytorch_model\.bin is a pickle"):
        open_embedder(str(tmp_path))

    assert not (tmp_path / "mark").exists()


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    for path in demo.MODEL.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {
        "model_type": "never_heard_of",
        "auto_map": {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.C"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")

    with pytest.raises(InvalidModel):
        load_model(SubjectSpec(model=str(tmp_path)))

    assert not (tmp_path / "mark").exists()
