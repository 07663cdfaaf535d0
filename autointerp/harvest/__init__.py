"""One pass of a subject model and its SAEs over a corpus: exact statistics and examples of every feature."""
