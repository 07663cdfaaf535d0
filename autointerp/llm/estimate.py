"""How many tokens a request may take, before anyone has counted them."""

from autointerp.domain.calls import Request, Usage

BYTES_PER_TOKEN = 3.8  # of prompts that are prose around JSON
FEWEST_BYTES_PER_TOKEN = 2.0
TOKENS_PER_MESSAGE = 4
MOST_TOKENS_PER_MESSAGE = 8


def worst(request: Request) -> Usage:
    """The most that this request is expected to take; what a budget sets aside for it.

    English and code take three to five bytes a token; two leaves room for what tokenizers split badly.
    """
    return Usage(input=_input(request, FEWEST_BYTES_PER_TOKEN, MOST_TOKENS_PER_MESSAGE), output=request.max_tokens)


def likely(request: Request, *, output: int) -> Usage:
    """What a request of ordinary prose or code takes, given how long the reply usually is."""
    return Usage(input=_input(request, BYTES_PER_TOKEN, TOKENS_PER_MESSAGE), output=min(output, request.max_tokens))


def size_of(request: Request) -> int:
    """Return the bytes of what is asked: messages and schema."""
    size = sum(len(message.text.encode(errors="replace")) for message in request.messages)
    return size + len((request.schema or "").encode(errors="replace"))


def _input(request: Request, bytes_per_token: float, around: int) -> int:
    return int(size_of(request) / bytes_per_token) + around * (len(request.messages) + 1)
