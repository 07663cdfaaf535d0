import os
import time
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from pydantic import ValidationError

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.sources import files, identify


def spec_of(path: Path, **options: object) -> CorpusSpec:
    return CorpusSpec(kind="jsonl", path=str(path), **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "corpus"
    place.mkdir()
    (place / "a.jsonl").write_text('{"text": "one"}\n')
    (place / "b.jsonl").write_text('{"text": "two"}\n')
    return place


def test_a_source_is_known_by_its_content_not_by_its_place_or_time(folder: Path, tmp_path: Path) -> None:
    before = identify(spec_of(folder)).digest
    os.utime(folder / "a.jsonl", (1, 1))
    touched = identify(spec_of(folder)).digest
    moved = identify(spec_of(folder.rename(tmp_path / "elsewhere"))).digest

    assert before == touched == moved


def test_a_change_of_the_same_length_is_seen(folder: Path) -> None:
    before = identify(spec_of(folder))
    time.sleep(0.02)  # the clock of a file system is coarse
    (folder / "a.jsonl").write_text('{"text": "ten"}\n')

    assert before.digest != identify(spec_of(folder)).digest
    with pytest.raises(InvalidCorpus, match=r"a\.jsonl changed while it was read"):
        before.check()


def test_a_new_a_renamed_and_a_missing_file_are_seen(folder: Path) -> None:
    digests = [identify(spec_of(folder)).digest]
    (folder / "c.jsonl").write_text('{"text": "three"}\n')
    digests.append(identify(spec_of(folder)).digest)
    (folder / "c.jsonl").rename(folder / "d.jsonl")
    digests.append(identify(spec_of(folder)).digest)
    (folder / "a.jsonl").unlink()
    digests.append(identify(spec_of(folder)).digest)

    assert 4 == len(set(digests))


def test_what_is_read_of_a_file_is_a_part_of_its_identity_and_how_it_is_laid_out_is_not(folder: Path) -> None:
    plain = identify(spec_of(folder)).digest

    assert plain != identify(spec_of(folder, field="body")).digest
    assert plain != identify(spec_of(folder, documents=1)).digest
    assert plain == identify(spec_of(folder, layout="rows", long="cut")).digest


def test_the_standard_library_is_known_by_its_sources() -> None:
    found = identify(CorpusSpec(kind="stdlib"))

    assert found == identify(CorpusSpec(kind="stdlib"))
    assert any(stamp[0].name == "ast.py" for stamp in found.stamps)


def test_a_saved_data_set_is_known_by_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Dataset.from_list([{"text": "a"}]).save_to_disk(str(tmp_path / name))

    one, two = (identify(CorpusSpec(kind="dataset", path=str(tmp_path / name))) for name in ("one", "two"))

    assert {"data-00000-of-00001.arrow", "dataset_info.json", "state.json"} == {p[0].name for p in one.stamps}
    assert two.digest == identify(CorpusSpec(kind="dataset", path=str(tmp_path / "two"))).digest


@pytest.mark.parametrize(
    ("name", "kind"), [("c.jsonl", "jsonl"), ("c.jsonl.gz", "jsonl"), ("c.parquet", "parquet"), ("c.csv", "text")]
)
def test_a_file_given_as_a_data_set_is_refused_with_the_kind_that_reads_it(
    tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / name).write_text("a\n")

    with pytest.raises(InvalidCorpus, match=f'{name} is a file and no data set; set kind to "{kind}"'):
        identify(CorpusSpec(kind="dataset", path=str(tmp_path / name)))


@pytest.mark.parametrize(("kind", "name"), [("jsonl", "c.parquet"), ("parquet", "c.jsonl.zst"), ("text", "c.parquet")])
def test_a_file_of_another_kind_is_refused_with_the_kind_that_reads_it(tmp_path: Path, kind: Any, name: str) -> None:
    (tmp_path / name).write_text("a\n")
    right = name.split(".")[1]

    with pytest.raises(InvalidCorpus, match=f'{name} is no file of kind "{kind}"; set kind to "{right}"'):
        identify(CorpusSpec(kind=kind, path=str(tmp_path / name)))


def test_any_name_will_do_for_json_lines_and_json_lines_for_a_text(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"text": "one"}\n')
    (tmp_path / "c.jsonl").write_text('{"text": "one"}\n')

    chosen = [CorpusSpec(kind="jsonl", path=f"{tmp_path}/c.json"), CorpusSpec(kind="text", path=f"{tmp_path}/c.jsonl")]

    assert [[tmp_path / "c.json"], [tmp_path / "c.jsonl"]] == [files(spec) for spec in chosen]


def test_a_folder_without_files_of_the_kind_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(InvalidCorpus, match="holds no files; put some there"):
        identify(CorpusSpec(kind="text", path=str(tmp_path)))
    with pytest.raises(InvalidCorpus, match=r"holds no \*\.parquet files; put some there"):
        identify(CorpusSpec(kind="parquet", path=str(tmp_path)))
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(InvalidCorpus, match=r'holds no \*\.parquet files; set kind to "jsonl" for those it has'):
        identify(CorpusSpec(kind="parquet", path=str(tmp_path)))


def test_a_machine_without_a_cache_of_the_hub_says_that_it_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(InvalidCorpus, match="its cache does not hold it"):
        identify(CorpusSpec(kind="dataset", path="nobody/nothing-here"))


@pytest.mark.parametrize("kind", ["jsonl", "text", "parquet", "dataset"])
def test_an_empty_path_is_refused(kind: Any) -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        CorpusSpec(kind=kind, path="")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCorpus, match="there is no corpus"):
        identify(spec_of(tmp_path / "nothing"))
    with pytest.raises(InvalidCorpus, match="there is no folder nobody/nothing-here,"):
        identify(CorpusSpec(kind="dataset", path="nobody/nothing-here"))
