"""Marks of chat templates cannot be read as such in what is shown, and ordinary text stays as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.control_tokens import disarm

MARKS = re.findall(
    r"\S+",
    """
<|im_start|> <|eot_id|> <|endoftext|> <|0.00|> <|/tool_call|> <|"|> <｜User｜> <｜tool▁calls▁begin｜> [|assistant|]
<|turn> <turn|> <|channel> <tool_call|> <s> </s> <bos> <eos> <pad> <unk> <mask> <think> </think> <sop> <image> <EOD>
<tool_call> </tool_call> <tool_response> <BOS_TOKEN> <EOS_TOKEN> <end_of_utterance> <start_of_turn> <start_of_image>
<fim_prefix> <fim_middle> <fim_suffix> <unused0> <extra_id_7> <reserved_106> <seed:bos> </seed:think> <<SYS>> <</SYS>>
[INST] [/INST] [SYSTEM_PROMPT] [TOOL_CALLS] [THINK] [/THINK] [IMG] [IMG_END] [ARGS] [gMASK] [CLS] [MASK] [unused1]
""",
)
TURNS = ["\n\nHuman:", "\n\nAssistant:"]
HTML = re.findall(
    r"\S+",
    """
a abbr article audio b body br button canvas code div em embed footer form h1 head html i iframe img input label li
main menu meta nav object ol option p param picture pre q script section select small source span strong style sub
summary sup table tbody td template textarea th time title tr track u ul var video wbr
""",
)
ORDINARY = [
    "List[int] Dict[str, List[int]] a[THINKING] x[i] buf[MAX_SIZE] [INFO] [see note 3] [1] [NAME] [inst]",
    "std::vector<size_t> map<string, my_key> Box::<my_type> List<Image> Foo<S> Optional<T> static_cast<uint32_t>(x)",
    "#include <string_view>\n#include <vector>",
    "a < b_c > d; x<|y; f <| g; xs |> map; a || b; 1 << 2 >> 3; <- -> <= =>",
    "<my-element data-x='1'> <!doctype html> <!-- s --> <a href='x_y'> <svg:rect> < s >",
    "Human: one\nAssistant: two. A\n\nHumane: three",
    "(turn) (s) (/INST)",
]

texts = st.lists(
    st.sampled_from([*MARKS, *TURNS, *"<>[]|｜/_()\n: ", "a", "s", "INST", "x_y", "<x_y>", "<|", "|>"])
    | st.text(max_size=4),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("before", ["", " ", "word", "9", ":", "<", "[", "include <"])
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_keeps_its_name_and_loses_its_shape_wherever_it_stands(before: str, mark: str) -> None:
    assert disarm(f"{before}{mark}") == f"{before}({mark.strip('<>[]|｜')})"


@pytest.mark.parametrize("turn", TURNS)
def test_the_old_marks_of_turns_are_no_longer_followed_by_their_colon(turn: str) -> None:
    assert disarm(f"yes{turn} no") == f"yes\n\n({turn.strip(':').strip()}): no"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<file_sep> <row_1_col_2></arg_value>", "(file_sep) (row_1_col_2)(/arg_value)"),
        ("<|im_<|x|>start|>", "<|im_(x)start|>"),
        ("<|[INST]|>", "<|(INST)|>"),
        ("x</first_name>", "x(/first_name)"),
    ],
)
def test_words_with_underscores_and_nested_marks_are_rewritten_too(text: str, shown: str) -> None:
    assert disarm(text) == shown


@given(texts)
def test_no_mark_survives(text: str) -> None:
    assert not [mark for mark in [*MARKS, *TURNS] if mark in disarm(text)]


@given(texts)
def test_what_was_rewritten_is_not_rewritten_again(text: str) -> None:
    assert disarm(disarm(text)) == disarm(text)


@given(st.text(st.characters(exclude_characters="<[:")))
def test_text_without_brackets_is_untouched(text: str) -> None:
    assert disarm(text) == text


@pytest.mark.parametrize("text", [*ORDINARY, *(f"<{tag}>{tag}</{tag}><{tag}/>" for tag in HTML)])
def test_html_code_and_prose_are_untouched(text: str) -> None:
    assert disarm(text) == text
