"""Rows of the database as the records of an archive, and back: in batches, each stored once."""

from autointerp.storage.archive.exclusive import exclusive

__all__ = ["exclusive"]
