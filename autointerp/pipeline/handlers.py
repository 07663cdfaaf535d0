"""What the worker does with each kind of job."""

from collections.abc import Mapping
from typing import Any

from autointerp.jobs.records import Handler, Stop
from autointerp.jobs.tasks import CHUNK, INQUIRY, MERGE, SHARD
from autointerp.pipeline.chunk import run_chunk
from autointerp.pipeline.harvest import Field, run_merge, run_shard
from autointerp.pipeline.inquiries.answering import answer
from autointerp.pipeline.inquiries.counter import Counter
from autointerp.pipeline.shop import Shop


def handlers(shop: Shop, field: Field | None, counter: Counter) -> dict[str, Handler]:
    """Bind the stages to their parts; without a field there is no harvesting."""

    async def chunk(args: Mapping[str, Any], stop: Stop) -> None:
        await run_chunk(shop, args["run"], args["chunk"], args["generation"], stop=stop)

    async def inquiry(args: Mapping[str, Any], stop: Stop) -> None:
        await answer(counter, args["inquiry"])

    return {CHUNK: chunk, INQUIRY: inquiry, **({} if field is None else _harvesting(field))}


def _harvesting(field: Field) -> dict[str, Handler]:
    async def shard(args: Mapping[str, Any], stop: Stop) -> None:
        await run_shard(field, args["harvest"], args["shard"], args["generation"], stop=stop)

    async def merge(args: Mapping[str, Any], stop: Stop) -> None:
        await run_merge(field, args["harvest"], args["generation"], stop=stop)

    return {SHARD: shard, MERGE: merge}
