"""delphi's result folders: a file of an explanation for each latent, and for each scorer a file of its samples."""

ORIGIN = "delphi"
PREFIX = f"{ORIGIN}:"
EXPLANATIONS = "explanations"
SCORES = "scores"
CONFIG = "run_config.json"
# What delphi calls a scorer of ours.
SCORERS = {"detection": "detection", "fuzzing": "fuzz"}
# Scorers whose files are no texts with a yes or no.
OTHERS = ("simulation", "surprisal", "surprisal_intervention", "embedding", "example_embedding", "intruder")
SILENT = -1.0  # the distance that delphi gives a text on which the latent is silent
