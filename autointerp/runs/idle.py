"""Refuses a judge that nobody would ask: it would be shown with every score, and have answered nothing."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from autointerp.domain.plan import build_scorer
from autointerp.domain.specs import ScorerSpec
from autointerp.domain.tools import Tools
from autointerp.errors import InvalidSpec


def refuse_idle_judges(scorers: Sequence[ScorerSpec], tools: Tools) -> None:
    """Refuse the first scorer that has a judge and can be built without one; all of them can be built as they are."""
    alone = replace(tools, judge=None)
    for one in scorers:
        if one.judge is not None and _builds(one.model_copy(update={"judge": None}), alone):
            with_options = " with these options" if one.options else ""
            raise InvalidSpec(
                f"the scorer {one.name!r}{with_options} asks no judge; leave out its judge {one.judge.name!r}"
            )


def _builds(spec: ScorerSpec, tools: Tools) -> bool:
    with suppress(InvalidSpec):
        build_scorer(spec, tools)
        return True
    return False
