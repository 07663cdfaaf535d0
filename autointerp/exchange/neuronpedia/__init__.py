"""Neuronpedia's files: its batch export, and the JSON of one feature.

What their columns have no place for stands in fields of our own, `autointerp` and `scores`, which others may ignore.
"""

ORIGIN = "neuronpedia"
PREFIX = f"{ORIGIN}:"
