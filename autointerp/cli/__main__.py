"""`python -m autointerp.cli`, for child processes that must run the same code."""

from autointerp.cli import app

app()
