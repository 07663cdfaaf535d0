"""Domain records as blobs: pools, vocabularies, trials, requests, replies; `feature_packing` has those of features."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from autointerp.domain.calls import Asked, Decided, Finish, Message, Reply, Request, Role, TokenLogprob, Usage
from autointerp.domain.examples import Group
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.packed import Pool, Windows
from autointerp.domain.scores import Trial
from autointerp.domain.vocabulary import Vocabulary
from autointerp.storage.blobs import Array, pack_arrays, pack_json, unpack_arrays, unpack_json

WINDOWS = ("context", "document", "start", "offsets", "tokens")


def pack_pool(pool: Pool) -> bytes:
    """Pack a harvest's pool."""
    return pack_arrays(_windows(pool.windows) | {"split": pool.split})


def unpack_pool(blob: bytes) -> Pool:
    """Return what `pack_pool` was given."""
    arrays = unpack_arrays(blob)
    return Pool(windows=_read_windows(arrays), split=arrays["split"])


def _windows(windows: Windows) -> dict[str, Array]:
    return {name: getattr(windows, name) for name in WINDOWS}


def _read_windows(arrays: dict[str, Array]) -> Windows:
    return Windows(**{name: arrays[name] for name in WINDOWS})


def pack_vocabulary(vocabulary: Vocabulary) -> bytes:
    """Pack the bytes of every token."""
    return pack_json({"tokens": [token.hex() for token in vocabulary.tokens], "special": sorted(vocabulary.special)})


def unpack_vocabulary(blob: bytes) -> Vocabulary:
    """Return what `pack_vocabulary` was given."""
    kept = unpack_json(blob)
    return Vocabulary(tuple(bytes.fromhex(token) for token in kept["tokens"]), frozenset(kept["special"]))


def pack_trials(trials: Sequence[Trial]) -> bytes:
    """Pack the trials of one score, one row each."""
    return pack_json([_trial_row(trial) for trial in trials])


def unpack_trials(blob: bytes) -> tuple[Trial, ...]:
    """Return what `pack_trials` was given."""
    return tuple(_trial(row) for row in unpack_json(blob))


def _trial_row(trial: Trial) -> list[Any]:
    answer = trial.answer
    said = [answer.verdict, answer.confidence, answer.kind, answer.unread, answer.request]
    return [str(trial.group), int(trial.window[0]), int(trial.window[1]), trial.truth, trial.note, *said]


def _trial(row: list[Any]) -> Trial:
    group, context, start, truth, note, verdict, confidence, kind, unread, request = row
    answer = Answer(
        verdict=verdict,
        confidence=confidence,
        kind=Confidence(kind) if kind is not None else None,
        unread=UnreadKind(unread) if unread is not None else None,
        request=request,
    )
    return Trial(group=Group.parse(group), window=(context, start), truth=truth, answer=answer, note=note)


def pack_request(request: Request) -> bytes:
    """Pack a request to a language model."""
    return pack_json(asdict(request))


def unpack_request(blob: bytes) -> Request:
    """Return what `pack_request` was given."""
    kept = unpack_json(blob)
    messages = tuple(Message(Role(one["role"]), one["text"], one["shared"]) for one in kept.pop("messages"))
    questions = tuple(Asked(**one) for one in kept.pop("questions", ()))
    return Request(messages=messages, questions=questions, **kept)


def pack_reply(reply: Reply) -> bytes:
    """Pack a reply with its raw body; that it came from a cache is not kept."""
    usage = reply.usage
    kept: dict[str, Any] = {
        "text": reply.text,
        "finish": reply.finish,
        "usage": [usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning],
        "model": reply.model,
        "raw": reply.raw,
        "provider_request": reply.provider_request,
        "logprobs": _token_rows(reply.logprobs),
        "cost": reply.cost,
    }
    if reply.decided:
        kept["decided"] = [[d.name, d.probability, d.unread] for d in reply.decided]
    if reply.echoed:
        kept["echoed"] = _token_rows(reply.echoed)
    return pack_json(kept)


def unpack_reply(blob: bytes) -> Reply:
    """Return what `pack_reply` was given."""
    kept = unpack_json(blob)
    return Reply(
        text=kept["text"],
        finish=Finish(kept["finish"]),
        usage=Usage(*kept["usage"]),
        model=kept["model"],
        raw=kept["raw"],
        provider_request=kept["provider_request"],
        logprobs=_tokens(kept["logprobs"]),
        cost=kept["cost"],
        decided=tuple(_decided(*row) for row in kept.get("decided", ())),
        echoed=_tokens(kept.get("echoed", ())),
    )


def _token_rows(tokens: Sequence[TokenLogprob]) -> list[list[Any]]:
    return [[_text(t.token), t.logprob, [[_text(other), value] for other, value in t.alternatives]] for t in tokens]


def _tokens(rows: Sequence[list[Any]]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(_bytes(token), logprob, tuple((_bytes(other), value) for other, value in alternatives))
        for token, logprob, alternatives in rows
    )


def _decided(name: str, probability: float | None, unread: str | None) -> Decided:
    return Decided(name, probability, None if unread is None else UnreadKind(unread))


def _text(token: bytes) -> str:
    return base64.b64encode(token).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
