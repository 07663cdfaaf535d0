"""Reading replies: what was asked for, or the reason why not; whatever came."""

import json
import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model

from autointerp.domain.calls import Finish, Reply, Usage
from autointerp.domain.explanations import Unread, UnreadKind
from autointerp.llm.replies import read_json, read_text


class Verdicts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    e00: bool
    e01: bool


def said(text: str, finish: Finish = Finish.STOP) -> Reply:
    return Reply(text, finish, Usage(), "m", raw=f"raw:{text}")


def unread(text: str, finish: Finish = Finish.STOP) -> UnreadKind | None:
    found = read_json(said(text, finish), Verdicts, request="k")
    return found.kind if isinstance(found, Unread) else None


GOOD = '{"e00": true, "e01": false}'


@pytest.mark.parametrize(
    "text",
    [GOOD, f"\n {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```", f"Sure:\n{GOOD}\nThat is all."],
)
def test_the_object_is_found_in_what_models_put_around_it(text: str) -> None:
    assert Verdicts(e00=True, e01=False) == read_json(said(text), Verdicts)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("true, false", UnreadKind.PROSE),
        ("I would say the first one.", UnreadKind.PROSE),
        ("[" * 100_000, UnreadKind.PROSE),
        ("\ud800", UnreadKind.PROSE),
        ("<html><body>503</body></html>", UnreadKind.PROSE),
        ("[true, false]", UnreadKind.UNPARSABLE),
        ("null", UnreadKind.UNPARSABLE),
        ('{"e00": "true", "e01": false}', UnreadKind.UNPARSABLE),
        ('{"e00": 1, "e01": 0}', UnreadKind.UNPARSABLE),
        ('{"e00": true, "e01": null}', UnreadKind.UNPARSABLE),
        ('{"e00": true, "e01": fal', UnreadKind.UNPARSABLE),
        ('{"e00":' * 5_000, UnreadKind.UNPARSABLE),
        (f"{GOOD} {GOOD}", UnreadKind.UNPARSABLE),
        (f"```\n{GOOD}\n```\nor\n```\n{GOOD.replace('false', 'true')}\n```", UnreadKind.UNPARSABLE),
        ('{"e00": true}', UnreadKind.WRONG_COUNT),
        ('{"e00": true, "e01": false, "e02": true}', UnreadKind.WRONG_COUNT),
        ('{"e00": true, "e00": false, "e01": false}', UnreadKind.DUPLICATE),
        ('{"e00": NaN, "e01": false}', UnreadKind.NOT_A_NUMBER),
        ("x" * 10_000_000, UnreadKind.TOO_LONG),
    ],
    ids=range(19),
)
def test_what_is_no_answer_has_a_name_and_is_never_an_answer(text: str, kind: UnreadKind) -> None:
    assert unread(text) is kind


@pytest.mark.parametrize(("value", "kind"), [("7", UnreadKind.OUT_OF_RANGE), ("1e999", UnreadKind.NOT_A_NUMBER)])
def test_a_number_outside_its_range_is_no_answer(value: str, kind: UnreadKind) -> None:
    level = Annotated[float, Field(ge=0, le=3, allow_inf_nan=False)]
    model = create_model("Level", __config__=ConfigDict(strict=True, extra="forbid"), level=(level, ...))
    found = read_json(said(f'{{"level": {value}}}'), model)

    assert isinstance(found, Unread)
    assert found.kind is kind


@pytest.mark.parametrize(
    ("finish", "kind"),
    [
        (Finish.LENGTH, UnreadKind.TRUNCATED),
        (Finish.REFUSAL, UnreadKind.REFUSED),
        (Finish.FILTER, UnreadKind.FILTERED),
        (Finish.OTHER, UnreadKind.UNPARSABLE),
    ],
)
def test_a_reply_that_did_not_finish_is_unread_although_it_looks_whole(finish: Finish, kind: UnreadKind) -> None:
    assert unread(GOOD, finish) is kind


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_reply_is_empty(text: str) -> None:
    assert unread(text) is UnreadKind.EMPTY


def test_what_is_unread_keeps_the_raw_reply_and_the_request() -> None:
    found = read_json(said("no"), Verdicts, request="k")

    assert isinstance(found, Unread)
    assert ("raw:no", "k") == (found.raw, found.request)
    assert found.detail


def test_a_text_comes_without_the_space_around_it() -> None:
    assert read_text(said("  Words for warmth.\n")) == "Words for warmth."


@given(st.text(), st.sampled_from(list(Finish)))
def test_no_text_makes_the_reader_raise(text: str, finish: Finish) -> None:
    found = read_json(said(text, finish), Verdicts)

    assert isinstance(found, Unread | Verdicts)
    assert isinstance(read_text(said(text, finish)), Unread | str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["e00", "e01", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_a_verdict_is_read_only_from_two_booleans(value: Any) -> None:
    found = read_json(said(json.dumps(value)), Verdicts)
    right = isinstance(value, dict) and set(value) == {"e00", "e01"} and all(type(v) is bool for v in value.values())

    assert right == isinstance(found, Verdicts)


@given(st.data())
def test_a_mutated_reply_is_read_as_it_stands_or_not_at_all(data: st.DataObject) -> None:
    where = data.draw(st.integers(0, len(GOOD) - 1))
    put = data.draw(st.text(alphabet='{}[]",:truefals 0', max_size=3))
    mutated = GOOD[:where] + put + GOOD[where + data.draw(st.integers(0, 3)) :]
    found = read_json(said(mutated), Verdicts)

    if isinstance(found, Verdicts):
        inner = mutated[mutated.index("{") : mutated.rindex("}") + 1]
        assert found.model_dump() == json.loads(inner)


@given(st.floats())
def test_a_number_that_is_none_is_unread(value: float) -> None:
    model = create_model("Number", __config__=ConfigDict(strict=True, extra="forbid"), p=(float, ...))
    found = read_json(said(json.dumps({"p": value})), model)

    assert math.isfinite(value) == (not isinstance(found, Unread))
