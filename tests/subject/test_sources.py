import os
import time
from pathlib import Path

import pytest
from datasets import Dataset

from autointerp.domain.specs import CorpusSpec
from autointerp.errors import InvalidCorpus
from autointerp.subject.sources import identify


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


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCorpus, match="there is no corpus"):
        identify(spec_of(tmp_path / "nothing"))
    with pytest.raises(InvalidCorpus, match="there is no folder nobody/nothing-here,"):
        identify(CorpusSpec(kind="dataset", path="nobody/nothing-here"))
