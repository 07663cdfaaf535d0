"""Pieces of a corpus on disk: token ids and the documents they are from, in files that carry their own digest."""

import hashlib
import os
import threading
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from autointerp.errors import Unavailable
from autointerp.subject.packing import Mark, Piece

_DIGEST = 32  # bytes of the sha256 at the end of a file


def piece_path(folder: Path, number: int) -> Path:
    """Return where a piece is kept."""
    return folder / f"piece-{number:07d}.safetensors"


def write_piece(folder: Path, piece: Piece) -> None:
    """Keep a piece, whole or not at all; Unavailable when the disk does not take it."""
    path = piece_path(folder, piece.begin.piece)
    marks = [(mark.piece, mark.part, mark.used, mark.tokens) for mark in (piece.begin, piece.end)]
    data = save(
        {
            "marks": np.array(marks, dtype=np.int64),
            "last": np.array([piece.last]),
            "ids": np.ascontiguousarray(piece.ids),
            "lengths": piece.lengths,
            "begins": piece.begins,
            "hashes": piece.hashes,
        }
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data + hashlib.sha256(data).digest())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unavailable(
            f"cannot keep the tokens of the corpus in {folder}: {error.strerror}; make room and start again"
        ) from error


def read_piece(folder: Path, number: int) -> Piece | None:
    """Read a piece; None when it is missing or damaged, so that it must be made."""
    try:
        data = piece_path(folder, number).read_bytes()
    except OSError:
        return None
    content, found = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(content).digest() != found:
        return None
    arrays = load(content)
    begin, end = (Mark(*(int(value) for value in mark)) for mark in arrays["marks"])
    return Piece(
        begin=begin,
        end=end,
        last=bool(arrays["last"][0]),
        ids=arrays["ids"],
        lengths=arrays["lengths"],
        begins=arrays["begins"],
        hashes=arrays["hashes"],
    )


def newest(folder: Path) -> int | None:
    """Return the highest number of a piece in the folder; None when there is none."""
    return max((int(path.stem.partition("-")[2]) for path in folder.glob("piece-*.safetensors")), default=None)
