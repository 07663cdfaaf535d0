"""The values that every layer speaks in: frozen records and the specs that are hashed."""
