"""Shards are kept in a folder or in any file system that fsspec knows, each file whole or not at all."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from autointerp.errors import InvalidInput
from autointerp.harvest.location import (
    Location,
    RemotePath,
    delete,
    names_in,
    open_location,
    remove_folder,
    write_whole,
)


@pytest.fixture(params=["folder", "file://", "memory://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Location]:
    match request.param:
        case "folder":
            yield open_location(str(tmp_path / "shards"))
        case "file://":
            yield open_location(f"file://{tmp_path}/shards")
        case _:
            yield open_location("memory://shards")
            MemoryFileSystem.store.clear()
            MemoryFileSystem.pseudo_dirs[:] = [""]


def test_what_is_written_is_there_whole_and_can_be_replaced_and_deleted(place: Location) -> None:
    path = place / "harvest" / "shard-0.safetensors"

    write_whole(path, b"first")
    write_whole(path, b"second")

    assert path.read_bytes() == b"second"
    assert names_in(place / "harvest") == {"shard-0.safetensors"}
    assert names_in(place) == {"harvest"}
    delete(path)
    delete(path)
    assert names_in(place / "harvest") == frozenset()


def test_what_is_missing_is_missing_everywhere_in_the_same_way(place: Location) -> None:
    with pytest.raises(FileNotFoundError):
        (place / "nothing").read_bytes()

    assert names_in(place) == frozenset()
    remove_folder(place)


def test_a_folder_is_removed_with_all_that_is_in_it_and_with_nothing_else(place: Location) -> None:
    for name in ("one", "other"):
        write_whole(place / name / "file", b"content")

    remove_folder(place / "one")

    assert names_in(place) == {"other"}
    assert (place / "other" / "file").read_bytes() == b"content"


def test_the_manifest_stands_beside_its_shard(place: Location) -> None:
    assert str((place / "shard-0.safetensors").with_suffix(".json")) == str(place / "shard-0.json")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nosuch://bucket/shards", "nosuch:// is no place for shards"),
        ("s3://bucket/shards", r"s3:// need another package: .*s3fs"),
    ],
)
def test_a_url_that_cannot_be_read_here_is_one_sentence(url: str, says: str) -> None:
    if url.startswith("s3"):
        try:
            __import__("s3fs")
        except ImportError:
            pass
        else:
            pytest.skip("s3fs is installed, so nothing is missing")

    with pytest.raises(InvalidInput, match=says):
        open_location(url)


def test_whatever_a_driver_raises_is_an_error_of_the_disk() -> None:
    class Broken(MemoryFileSystem):
        def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
            raise KeyError("no credentials")

    with pytest.raises(OSError, match="KeyError: 'no credentials'"):
        RemotePath(Broken(), "/bucket/file").read_bytes()
