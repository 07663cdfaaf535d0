"""The bundled demo: a small language model of Python sources, and two sparse autoencoders of its residual stream."""

from pathlib import Path

FILES = Path(__file__).parent / "files"
MODEL = FILES / "model"
SAE_TOPK = FILES / "sae-topk"
SAE_JUMPRELU = FILES / "sae-jumprelu"
SAES = (SAE_TOPK, SAE_JUMPRELU)
REPORT = FILES / "report.json"

HOOK = "model.layers.2"
