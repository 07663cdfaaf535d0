import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from datasets import Dataset, DatasetDict, Split

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.documents import read_documents
from autointerp.subject.parts import LONGEST
from autointerp.subject.stdlib import stdlib_documents

ROWS = [{"name": "x", "text": "first"}, {"name": "y", "text": "second"}, {"name": "z", "text": "third"}]


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(kind: Any, path: Path, **options: Any) -> list[tuple[str, str]]:
    return list(read_documents(CorpusSpec(kind=kind, path=str(path), **options)))


def test_jsonl_lines_are_documents_known_by_their_place(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROWS)

    assert [("a.jsonl:1", "first"), ("a.jsonl:2", "second"), ("a.jsonl:3", "third")] == read("jsonl", path)
    assert [("x", "first"), ("y", "second")] == read("jsonl", path, id_field="name", documents=2)


def test_blank_lines_are_passed_over_and_line_numbers_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n\n{"text": "two"}\n')

    assert [("a.jsonl:1", "one"), ("a.jsonl:3", "two")] == read("jsonl", path)


def test_a_folder_of_jsonl_files_is_read_in_order(tmp_path: Path) -> None:
    jsonl(tmp_path / "b.jsonl", ROWS[1:2])
    jsonl(tmp_path / "a.jsonl", ROWS[:1])

    assert [("a.jsonl:1", "first"), ("b.jsonl:1", "second")] == read("jsonl", tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "fine"}\n{"text": \n', "line 2 of .* is not JSON"),
        ('{"text": "fine"}\n[1, 2]\n', "line 2 of .* is not a JSON object"),
        ('{"text": "fine"}\n{"body": "x"}\n', "a.jsonl:2 has no field 'text'; it has body"),
        ('{"text": 3}\n', "the field 'text' of a.jsonl:1 is no text"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)

    with pytest.raises(InvalidCorpus, match=said):
        read("jsonl", path)


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_compressed_lines_are_read_as_they_are(tmp_path: Path, ending: str) -> None:
    with pa.output_stream(str(tmp_path / f"a.jsonl.{ending}"), compression="detect") as file:
        file.write("".join(json.dumps(row) + "\n" for row in ROWS).encode())

    assert [("x", "first"), ("y", "second"), ("z", "third")] == read("jsonl", tmp_path, id_field="name")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(b"this is no such file")

    with pytest.raises(InvalidCorpus, match=rf"cannot read .*a\.jsonl\.{ending}: .*is it damaged"):
        read("jsonl", path)


def test_a_large_text_file_is_left_to_be_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word " * LONGEST)

    assert [("a.txt", path)] == read("text", path)


def test_ids_and_chats_are_read_as_they_stand(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Hi"}]
    rows = [{"input_ids": [3, 4], "messages": chat}]
    jsonl(tmp_path / "a.jsonl", rows)
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))

    for kind, name in (("jsonl", "a.jsonl"), ("parquet", "a.parquet"), ("dataset", "saved")):
        assert [[3, 4]] == [content for _, content in read(kind, tmp_path / name, content="tokens")]
        assert [chat] == [content for _, content in read(kind, tmp_path / name, content="chat")]


@pytest.mark.parametrize(
    ("content", "value", "said"),
    [
        ("tokens", "3 4", "the field 'x' of a.jsonl:1 is no list of token ids"),
        ("chat", "Hi", "the field 'x' of a.jsonl:1 is no chat: a list of messages"),
        ("chat", [{"role": "user"}], "is no chat"),
        ("chat", ["Hi"], "is no chat"),
    ],
)
def test_a_field_that_holds_something_else_is_named(tmp_path: Path, content: str, value: Any, said: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"x": value}])

    with pytest.raises(InvalidCorpus, match=said):
        read("jsonl", path, content=content, field="x")


@pytest.mark.parametrize("kind", ["jsonl", "text"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "\xff\xfe"}\n')

    with pytest.raises(InvalidCorpus, match="UTF-8"):
        read(kind, path)


@pytest.mark.parametrize("kind", ["jsonl", "text", "parquet"])
def test_a_missing_path_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InvalidCorpus, match="there is no corpus"):
        read(kind, tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["jsonl", "text", "parquet"])
def test_an_empty_folder_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InvalidCorpus, match="holds no"):
        read(kind, tmp_path)


def test_each_text_file_is_a_document_known_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("zwei")
    (tmp_path / "a.txt").write_text("eins")

    assert [("a.txt", "eins"), ("sub/b.txt", "zwei")] == read("text", tmp_path)
    assert [("a.txt", "eins")] == read("text", tmp_path / "a.txt")


def test_parquet_rows_are_documents(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")

    assert [("x", "first"), ("y", "second"), ("z", "third")] == read("parquet", tmp_path, id_field="name")
    assert [("a.parquet:1", "first")] == read("parquet", tmp_path, documents=1)


@pytest.mark.parametrize("options", [{"field": "body"}, {"id_field": "body"}])
def test_a_missing_field_is_told_with_those_there_are_whatever_the_kind(
    tmp_path: Path, options: dict[str, str]
) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))

    for kind, name in (("jsonl", "a.jsonl"), ("parquet", "a.parquet"), ("dataset", "saved")):
        with pytest.raises(InvalidCorpus, match=f"{name}.* has no field 'body'; it has name, text$"):
            read(kind, tmp_path / name, **options)


def test_a_row_is_counted_from_1_whatever_the_kind(tmp_path: Path) -> None:
    rows = [{"text": "first"}, {"text": None}]
    jsonl(tmp_path / "a.jsonl", rows)
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))

    for kind, name in (("jsonl", "a.jsonl"), ("parquet", "a.parquet"), ("dataset", "saved")):
        with pytest.raises(InvalidCorpus, match=r"the field 'text' of .*:2 is no text"):
            read(kind, tmp_path / name)


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")

    with pytest.raises(InvalidCorpus, match=r"cannot read .*a\.parquet as a Parquet file"):
        read("parquet", tmp_path)


def test_a_saved_data_set_is_read_by_its_split(tmp_path: Path) -> None:
    splits = {"train": Dataset.from_list(ROWS), "test": Dataset.from_list(ROWS[:1])}
    DatasetDict(splits).save_to_disk(str(tmp_path / "both"))
    splits["train"].save_to_disk(str(tmp_path / "one"))

    assert 3 == len(read("dataset", tmp_path / "both"))
    assert [("x", "first")] == read("dataset", tmp_path / "both", split="test", id_field="name")
    assert [("train:1", "first")] == read("dataset", tmp_path / "one", documents=1)
    with pytest.raises(InvalidCorpus, match=r"cannot read the data set .*; set split to train or test"):
        read("dataset", tmp_path / "both", split="nothing")
    with pytest.raises(InvalidCorpus, match=r"\(split test\): it has no such split; set split to train$"):
        read("dataset", tmp_path / "one", split="test")


def test_a_saved_data_set_without_its_siblings_is_read_by_its_own_split_or_the_default(tmp_path: Path) -> None:
    Dataset.from_list(ROWS, split=Split("test")).save_to_disk(str(tmp_path))

    assert 3 == len(read("dataset", tmp_path, split="test")) == len(read("dataset", tmp_path))
    with pytest.raises(InvalidCorpus, match="set split to train or test"):
        read("dataset", tmp_path, split="validation")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_folder_of_files_is_a_data_set(tmp_path: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "files"
    folder.mkdir()
    jsonl(folder / "train.jsonl", ROWS)

    found = read("dataset", folder, streaming=streaming, id_field="name", documents=2)

    assert [("x", "first"), ("y", "second")] == found
    with pytest.raises(InvalidCorpus, match=r"cannot read the data set .*nothing"):
        read("dataset", folder, streaming=streaming, split="nothing")


def test_a_damaged_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "fine"}\n{"text": \n')

    with pytest.raises(InvalidCorpus, match="cannot read the data set"):
        read("dataset", tmp_path)


def test_a_data_set_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(InvalidCorpus, match="there is no folder nobody/nothing-here,"):
        read("dataset", Path("nobody/nothing-here"))


def test_the_standard_library_comes_in_a_shuffled_order_that_never_changes() -> None:
    first = list(itertools.islice(stdlib_documents(), 12))

    assert first == list(itertools.islice(stdlib_documents(), 12))
    names = [name for name, _ in first]
    assert names != sorted(names)
    assert all(name.endswith(".py") and "site-packages" not in name and text for name, text in first)


def test_tests_tables_and_third_party_code_are_not_the_standard_library(tmp_path: Path) -> None:
    for name in ("ast.py", "json/decoder.py", "test/test_ast.py", "encodings/cp437.py", "site-packages/x.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("pass\n")
    (tmp_path / "_sysconfigdata__linux.py").write_text("pass\n")
    (tmp_path / "empty.py").write_text("\n")

    found = {name for name, _ in stdlib_documents(tmp_path)}

    assert found == {"ast.py", "json/decoder.py"}
