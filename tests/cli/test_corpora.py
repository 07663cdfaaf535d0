from pathlib import Path

import pytest
from datasets import Dataset

from autointerp.cli.corpora import read_corpus
from autointerp.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.jsonl.gz", "jsonl"),
        ("a.jsonl.zst", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.txt", "text"),
        ("owner/name", "dataset"),
        ("./owner/name", "text"),
        ("some/a.txt", "text"),
        ("nowhere", "text"),
    ],
)
def test_the_kind_of_a_corpus_is_read_off_its_name(name: str, kind: str) -> None:
    assert {"kind": kind, "path": name} == read_corpus(name)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--corpus is empty; name a file"):
        read_corpus("")


def test_the_standard_library_has_no_path() -> None:
    assert {"kind": "stdlib"} == read_corpus("stdlib")


@pytest.mark.parametrize(("file", "kind"), [("a.jsonl.gz", "jsonl"), ("b/a.parquet", "parquet"), ("a.md", "text")])
def test_the_kind_of_a_folder_is_that_of_its_files(tmp_path: Path, file: str, kind: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")

    assert kind == read_corpus(str(tmp_path))["kind"]


def test_a_saved_data_set_is_one(tmp_path: Path) -> None:
    Dataset.from_list([{"text": "a"}]).save_to_disk(str(tmp_path))

    assert "dataset" == read_corpus(str(tmp_path))["kind"]
