"""The columns of a table that a corpus is read from."""

from collections.abc import Collection, Sequence

from autointerp.errors import InvalidCorpus


def present(wanted: Sequence[str], there: Collection[str], source: str) -> list[str]:
    """Return the `wanted` columns, each once; InvalidCorpus says which there are when one is missing."""
    for name in wanted:
        if name not in there:
            raise InvalidCorpus(f"{source} has no field {name!r}; it has {', '.join(there) or 'none'}")
    return list(dict.fromkeys(wanted))
