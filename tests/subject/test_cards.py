"""What a data set's card names as its files is known before anything of it is read."""

from pathlib import Path

from autointerp.domain.specs import CorpusSpec
from autointerp.subject.cards import named_files

CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: ["http://169.254.169.254/a.jsonl", "../secret.jsonl"]
- config_name: other
  data_dir: /etc
license: mit
---
A data set.
"""


def test_every_file_that_a_card_names_is_found(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / ".huggingface.yaml").write_text("configs:\n- data_files: s3://bucket/x\n")

    found = named_files(CorpusSpec(kind="dataset", path=str(tmp_path)))

    assert {"http://169.254.169.254/a.jsonl", "../secret.jsonl", "/etc", "s3://bucket/x"} <= set(found)
    assert "mit" not in found


def test_a_folder_without_a_card_names_none(tmp_path: Path) -> None:
    assert named_files(CorpusSpec(kind="dataset", path=str(tmp_path))) == ()
    (tmp_path / "README.md").write_text("No front matter --- at all")
    assert named_files(CorpusSpec(kind="dataset", path=str(tmp_path))) == ()
    assert named_files(CorpusSpec(kind="jsonl", path=str(tmp_path))) == ()
