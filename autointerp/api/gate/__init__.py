"""The way into the API: who may come in, how far, how often, and with what; pure ASGI, before any route."""
