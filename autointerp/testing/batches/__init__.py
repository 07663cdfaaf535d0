"""The batch APIs of the test server: OpenAI's files and batches, Anthropic's message batches, with scripted faults."""
