"""Writes `autointerp.client` from the OpenAPI document; for developers of autointerp."""
