"""The marks by which chat templates tell a model who speaks, and what is text of a conversation and what is not.

A server may read them as tokens wherever they stand, also in a text that merely quotes them. They are known by their
shapes: pipes inside brackets, names that many templates have, and any word with an underscore, as in `<file_sep>`. What
code has much of is left alone: HTML's tags (except `<s>`), types after a name (`vector<size_t>`), and headers.
"""

import re

_NAME = r"[^<>\[\]()|｜\s](?:[^<>\[\]()|｜\n]{0,58}[^<>\[\]()|｜\s])?"
_WORD = r"""
    s|bos|eos|pad|unk|mask|sep|cls|sop|eop|eod|eot|eom|eoh|eoa|think|image|endoftext
    |BOS|EOS|PAD|UNK|MASK|SEP|CLS|EOD|EOT|THINK
    |unused\d+|ctrl\d+|(?:seed|minimax):\w+
    |(?:start|begin|end)_of_\w+|(?:fim|extra_id|reserved)_\w+|tool_(?:call|response|result|output)s?
    |[A-Z_]+_TOKEN
"""
_UNDERSCORED = r"[^\W\d_][^\W_]*(?:_[^\W_]+)+"
_BRACKETED = r"""
    INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|ARGS|MODEL_SETTINGS|THINK
    |IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|TRANSCRIBE|PREFIX|MIDDLE|SUFFIX
    |CLS|SEP|PAD|UNK|MASK|BOS|EOS|gMASK|sMASK|unused\d+|control_\d+
"""
_CONTROL = re.compile(
    rf"""
    <(?:
        [|｜]({_NAME})[|｜]>                        # <|im_start|>, <｜User｜>
        | [|｜](/?\w{{1,60}})>                      # <|turn>
        | (/?(?:{_WORD}))>                          # <s>, </think>, <end_of_turn>
        | (?<![\w:]<)(?<!include\ <)({_UNDERSCORED})>  # <file_sep>, but not vector<size_t>
        | (/{_UNDERSCORED})>                        # </arg_value>
        | (/?\w{{1,60}})[|｜]>                      # <turn|>
        | <(/?SYS)>>                                # <<SYS>>
    )
    | \[(?:
        (/?(?:{_BRACKETED}))\]                      # [INST], [/THINK]
        | [|｜]({_NAME})[|｜]\]                     # [|user|]
    )
    """,
    re.VERBOSE,
)
_TURNS = ("Human", "Assistant")


def disarm(text: str) -> str:
    """Rewrite each mark so that no server reads it as one: its name stays, in parentheses."""
    if not ("<" in text or "[" in text or ":" in text):
        return text
    plain = _CONTROL.sub(lambda found: f"({found[found.lastindex or 0]})", text)
    for turn in _TURNS:
        plain = plain.replace(f"\n\n{turn}:", f"\n\n({turn}):")
    return plain
