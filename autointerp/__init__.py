"""Automated interpretability: explain SAE features with language models and measure how far each explanation holds."""

__version__ = "0.1.0"
