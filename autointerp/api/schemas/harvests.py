"""A harvest as the API shows it."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from autointerp.api.schemas.base import WHEN, Shown, example
from autointerp.domain.specs import HarvestSpec
from autointerp.runs import Pace
from autointerp.storage.records import BrokenRecord, HarvestRecord, HarvestState

SPEC_EXAMPLE: dict[str, Any] = {
    "subject": {"model": "openai-community/gpt2"},
    "saes": [{"release": "gpt2-small-res-jb", "sae_id": "blocks.8.hook_resid_pre"}],
    "corpus": {"kind": "jsonl", "path": "/srv/corpora/pile.jsonl"},
    "tokens": 1_000_000,
    "context": 256,
}


class BrokenActivations(Shown):
    """Activations of one SAE that were NaN or infinite, and so left out of everything."""

    model_config = example(sae_id=1, name="gpt2-small-res-jb", hook="transformer.h.8", count=12, contexts=[40, 97])

    sae_id: int
    name: str
    hook: str = Field(description="the hook point")
    count: int
    contexts: list[int] = Field(description="the first contexts that hold some, counted from 0")

    @classmethod
    def of(cls, record: BrokenRecord) -> Self:
        """Show what was counted of one SAE."""
        return cls(
            sae_id=record.sae_id,
            name=record.name,
            hook=record.hook,
            count=record.count,
            contexts=list(record.contexts),
        )


class Harvest(Shown):
    """One pass of a subject model and its SAEs over a corpus."""

    model_config = example(
        id="0192f3aa7c51",
        state="running",
        error=None,
        tokens_done=262_144,
        tokens_total=1_000_000,
        tokens_per_second=48_900.0,
        shards_done=1,
        shards_total=4,
        workers=2,
        seconds=21.4,
        corpus_fingerprint="5b0e9d22",
        model_id=1,
        sae_ids=[1],
        broken=None,
        spec=SPEC_EXAMPLE,
        spec_digest="c7b1a0f2",
        created_at=WHEN,
        finished_at=None,
    )

    id: str
    state: HarvestState
    error: str | None = Field(description="why it failed")
    tokens_done: int
    tokens_total: int | None
    tokens_per_second: float | None = Field(
        description="all workers together, over the time in which any had a shard in hand, loading models included"
    )
    shards_done: int
    shards_total: int
    workers: int = Field(description="how many work on it now")
    seconds: float | None = Field(description="time spent reading the corpus")
    corpus_fingerprint: str | None
    model_id: int | None = Field(description="null until the model has been loaded")
    sae_ids: list[int] = Field(description="in the order of the spec")
    broken: list[BrokenActivations] | None = Field(
        description="the SAEs with activations that were NaN or infinite; null until the shards are merged"
    )
    spec: HarvestSpec
    spec_digest: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, record: HarvestRecord, pace: Pace) -> Self:
        """Show a stored harvest and its pace."""
        return cls(
            id=record.id,
            state=record.state,
            error=record.error,
            tokens_done=min(record.tokens_done, record.tokens_total or record.tokens_done),
            tokens_total=record.tokens_total,
            tokens_per_second=pace.tokens_per_second,
            shards_done=pace.shards_done,
            shards_total=record.spec.shards,
            workers=pace.workers,
            seconds=record.seconds,
            corpus_fingerprint=record.corpus_fingerprint,
            model_id=record.model_id,
            sae_ids=list(record.sae_ids),
            broken=None if record.broken is None else [BrokenActivations.of(one) for one in record.broken],
            spec=record.spec,
            spec_digest=record.spec_digest,
            created_at=record.created_at,
            finished_at=record.finished_at,
        )
