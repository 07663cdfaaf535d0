"""A toy language model behind `/v1/completions`: words, each likely by a hash of the word before it.

It echoes the log-probabilities of given text rightly, one token off (as llama-cpp-python does), or not at all (as
llama-server does). Other requests are handed on.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

from starlette.responses import JSONResponse, Response

from autointerp.hashing import stable_int
from autointerp.testing.behaviours import Behaviour
from autointerp.testing.wires import Seen

VOCABULARY = (" one", " two", " three", " four", " five", " six", " seven", " eight", ",", ".")
Echo = Literal["right", "off_by_one", "none"]


def completing(then: Behaviour, *, echo: Echo = "right") -> Behaviour:
    """Continue text; what is no completion goes to `then`."""

    async def behave(seen: Seen) -> Response:
        if not seen.path.endswith("/completions") or "prompt" not in seen.body:
            return await then(seen)
        return JSONResponse(_completion(seen, echo))

    return behave


def next_word(before: str) -> dict[str, float]:
    """The log-probability of each word after the word `before`."""
    weights = {word: 1.0 + stable_int(before, word) % 50 for word in VOCABULARY}
    total = math.fsum(weights.values())
    return {word: math.log(weight / total) for word, weight in weights.items()}


def _completion(seen: Seen, echo: Echo) -> dict[str, Any]:
    prompt = str(seen.body["prompt"])
    given = re.findall(r"\s?\w+|.", prompt, re.DOTALL)
    written: list[str] = []
    for _ in range(int(seen.body.get("max_tokens", 16))):
        odds = next_word((given + written)[-1])
        written.append(max(odds, key=lambda word: odds[word]))
    words = given + written if seen.body.get("echo") and echo != "none" else written
    choice = {
        "index": 0,
        "text": (prompt if seen.body.get("echo") else "") + "".join(written),
        "finish_reason": "length",
        "logprobs": _logprobs(words, given, written, top=int(seen.body.get("logprobs") or 1), echo=echo),
    }
    usage = {"prompt_tokens": len(given), "completion_tokens": len(written), "total_tokens": len(given + written)}
    return {
        "id": f"cmpl-{seen.number}",
        "object": "text_completion",
        "model": seen.model,
        "choices": [choice],
        "usage": usage,
    }


def _logprobs(
    words: Sequence[str], given: Sequence[str], written: Sequence[str], *, top: int, echo: Echo
) -> dict[str, Any]:
    """Off by one, each given word stands for the one before it; what was written is always right."""
    text = (*given, *written)
    odds: list[dict[str, float] | None] = []
    for place in range(len(text) - len(words), len(text)):
        before = place if echo == "off_by_one" and place < len(given) else place - 1
        odds.append(next_word(text[before]) if before >= 0 else None)
    return {
        "tokens": list(words),
        "token_logprobs": [None if o is None else o.get(word, -20.0) for word, o in zip(words, odds, strict=True)],
        "top_logprobs": [None if o is None else dict(sorted(o.items(), key=lambda kv: -kv[1])[:top]) for o in odds],
    }
