"""The state of the service as the API shows it."""

from pydantic import Field

from autointerp.api.schemas.base import Shown, example


class Health(Shown):
    """The process answers."""

    model_config = example(status="ok", version="0.1.0")

    status: str
    version: str


class Readiness(Shown):
    """What the service needs is there."""

    model_config = example(status="ready", workers=2, queues={"llm": 2, "harvest": 1})

    status: str
    workers: int = Field(description="workers seen alive within their lease")
    queues: dict[str, int] = Field(description="how many of them serve each queue; without any, its jobs wait")
