"""The queue: the only package that knows the job engine, behind a handful of verbs."""
