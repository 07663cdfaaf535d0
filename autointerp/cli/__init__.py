"""The command line: one file a command; nothing here imports torch before a command needs it."""

from autointerp.cli.app import app

__all__ = ["app"]
