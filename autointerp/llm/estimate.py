"""How many tokens a request may take, before anyone has counted them."""

from autointerp.domain.calls import Request, Usage

BYTES_PER_TOKEN = 3.8  # of prompts that are prose around JSON
FEWEST_BYTES_PER_TOKEN = 2.0
TOKENS_PER_MESSAGE = 4
MOST_TOKENS_PER_MESSAGE = 8


def worst(request: Request) -> Usage:
    """The most that this request is expected to take; what a budget sets aside for it.

    English and code take three to five bytes a token; two leaves room for what tokenizers split badly. A server may
    read the messages once for each question.
    """
    read = _messages(request, FEWEST_BYTES_PER_TOKEN, MOST_TOKENS_PER_MESSAGE) * max(1, len(request.questions))
    asked = _questions(request, FEWEST_BYTES_PER_TOKEN, MOST_TOKENS_PER_MESSAGE)
    return Usage(input=read + asked, output=request.max_tokens)


def likely(request: Request, *, output: int) -> Usage:
    """What a request of ordinary prose or code takes, given how long the reply usually is."""
    read = _messages(request, BYTES_PER_TOKEN, TOKENS_PER_MESSAGE)
    asked = _questions(request, BYTES_PER_TOKEN, TOKENS_PER_MESSAGE)
    return Usage(input=read + asked, output=min(output, request.max_tokens))


def size_of(request: Request) -> int:
    """Return the bytes of what is asked: messages, schema and questions."""
    return _size_of_messages(request) + _size_of_questions(request)


def _size_of_messages(request: Request) -> int:
    size = sum(len(message.text.encode(errors="replace")) for message in request.messages)
    return size + len((request.schema or "").encode(errors="replace"))


def _size_of_questions(request: Request) -> int:
    return sum(len(question.text.encode(errors="replace")) for question in request.questions)


def _messages(request: Request, bytes_per_token: float, around: int) -> int:
    return int(_size_of_messages(request) / bytes_per_token) + around * (len(request.messages) + 1)


def _questions(request: Request, bytes_per_token: float, around: int) -> int:
    return int(_size_of_questions(request) / bytes_per_token) + around * len(request.questions)
