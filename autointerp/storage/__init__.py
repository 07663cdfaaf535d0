"""The only package that knows SQL: queries take a session and return frozen records."""
