"""Answers to inquiries: small questions to a subject model, while somebody waits."""
