"""How many tokens a request may take, before anyone has counted them."""

from autointerp.domain.calls import Request, Usage

BYTES_PER_TOKEN = 3.6
FEWEST_BYTES_PER_TOKEN = 2.0
TOKENS_PER_MESSAGE = 8


def worst(request: Request) -> Usage:
    """The most that this request is expected to take; what a budget sets aside for it.

    English and code take three to five bytes a token; two leaves room for what tokenizers split badly. A server may
    read the messages once for each question.
    """
    read = _input(request, FEWEST_BYTES_PER_TOKEN) * max(1, len(request.questions))
    return Usage(input=read + _asked(request, FEWEST_BYTES_PER_TOKEN), output=request.max_tokens)


def likely(request: Request, *, output: int) -> Usage:
    """What a request of ordinary prose or code takes, given how long the reply usually is."""
    read = _input(request, BYTES_PER_TOKEN) + _asked(request, BYTES_PER_TOKEN)
    return Usage(input=read, output=min(output, request.max_tokens))


def _input(request: Request, bytes_per_token: float) -> int:
    size = sum(len(message.text.encode(errors="replace")) for message in request.messages)
    size += len((request.schema or "").encode(errors="replace"))
    return int(size / bytes_per_token) + TOKENS_PER_MESSAGE * (len(request.messages) + 1)


def _asked(request: Request, bytes_per_token: float) -> int:
    size = sum(len(question.text.encode(errors="replace")) for question in request.questions)
    return int(size / bytes_per_token) + TOKENS_PER_MESSAGE * len(request.questions)
