"""The REST API: one router a noun, errors as problem documents; it never reaches torch."""
