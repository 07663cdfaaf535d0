"""Prompts as files: `prompts/<role>/<name>.md`, versioned by their content and locked in `prompts.lock`.

A file opens with TOML between `+++` lines (`purpose`, `variables`, `answers`), then come its messages, each under a
line such as `=== user ===` or `=== assistant, shared ===`. What is `shared`, and all before it, uses no variable, so
that a provider may cache it. Messages are Jinja2; a text goes in through one of the filters below and never otherwise,
and what went in is never read as a template again:

- `json`: one JSON string on one line, with our marks and those of chat templates made harmless;
- `marked`: the same for a `Passage`, whose highlighted stretches stand between « and ».
"""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
from pydantic import BaseModel, ConfigDict, ValidationError

from autointerp.domain.calls import Message, Role
from autointerp.domain.control_tokens import disarm
from autointerp.domain.judging import Passage
from autointerp.domain.tools import Rendered
from autointerp.errors import InvalidSpec
from autointerp.hashing import text_digest

LOCK = "prompts.lock"
OPEN, CLOSE = "«", "»"

_FRONT = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n(.*)\Z", re.DOTALL)
_HEADING = re.compile(r"^=== (system|user|assistant)(, shared)? ===\n", re.MULTILINE)
_CODE = re.compile(r"\{[{%#]")
_LINE_BREAKS = {ord(c): f"\\u{ord(c):04x}" for c in "\x7f\x85\u2028\u2029"}


class Front(BaseModel):
    """What a prompt says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str
    variables: frozenset[str]
    answers: str


class _Rendered(str):
    """A text that came through a filter and may stand in a message."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One message of a prompt, with places to fill in."""

    role: Role
    shared: bool
    template: jinja2.Template

    def message(self, values: Mapping[str, Any]) -> Message:
        """Fill in the values."""
        return Message(self.role, self.template.render(values).strip(), self.shared)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file; `version` is the sha256 of its text."""

    name: str
    version: str
    text: str
    front: Front
    sections: tuple[Message | Section, ...]

    def render(self, values: Mapping[str, Any]) -> Rendered:
        """Fill in `values`, which must be exactly the variables that the prompt declares."""
        if frozenset(values) != self.front.variables:
            asked, given = sorted(self.front.variables), sorted(values)
            raise InvalidSpec(f"the prompt {self.name!r} takes the variables {asked}, not {given}")
        messages = tuple(one.message(values) if isinstance(one, Section) else one for one in self.sections)
        return Rendered(messages=messages, version=self.version)


@dataclass(frozen=True, slots=True)
class PromptLibrary:
    """All prompts of one folder, by name."""

    prompts: Mapping[str, Prompt]

    @classmethod
    def load(cls, folder: Path) -> "PromptLibrary":
        """Read and check every prompt under `folder`; InvalidSpec says which one is wrong and why."""
        if not folder.is_dir():
            raise InvalidSpec(f"there is no prompt folder {folder}; give one that holds <role>/<name>.md")
        names = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.glob("*/*.md"))}
        return cls({name: parse(name, path.read_text(encoding="utf-8")) for name, path in names.items()})

    def get(self, name: str) -> Prompt:
        """Return the prompt `name`; InvalidSpec when there is none."""
        if name not in self.prompts:
            raise InvalidSpec(f"there is no prompt {name!r}; there are {', '.join(self.prompts)}")
        return self.prompts[name]

    def render(self, name: str, values: Mapping[str, Any]) -> Rendered:
        """Fill in the prompt `name`."""
        return self.get(name).render(values)

    @property
    def lock(self) -> str:
        """The lock file's content: one line a prompt, its name and its version."""
        return "".join(f"{name} {prompt.version}\n" for name, prompt in sorted(self.prompts.items()))


def default_folder() -> Path:
    """Return the checkout's `prompts/`, or the copy inside an installed package."""
    checkout = Path(__file__).parent.parent / "prompts"
    return checkout if (checkout / LOCK).is_file() else Path(__file__).parent / "_bundled" / "prompts"


@lru_cache(maxsize=256)  # each desk and each worker of a process reads the same files
def parse(name: str, text: str) -> Prompt:
    """Read one prompt file; InvalidSpec when its front matter, messages or variables are wrong."""
    match = _FRONT.match(text)
    if match is None:
        raise InvalidSpec(f"the prompt {name!r} must open with TOML between two lines of +++")
    try:
        front = Front.model_validate(tomllib.loads(match[1]))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InvalidSpec(f"the prompt {name!r} has wrong front matter: {error}") from error
    parts = _HEADING.split(match[2])
    if parts[0].strip() or len(parts) == 1:
        raise InvalidSpec(f"the prompt {name!r} must have its text under headings such as === user ===")
    bodies = [(Role(parts[i]), bool(parts[i + 1]), parts[i + 2]) for i in range(1, len(parts), 3)]
    try:
        _check_variables(name, front, bodies)
        sections = tuple(_section(*body) for body in bodies)
    except jinja2.TemplateSyntaxError as error:
        raise InvalidSpec(f"the prompt {name!r} is no valid template: {error}") from error
    return Prompt(name, text_digest(text), text, front, sections)


def _section(role: Role, shared: bool, body: str) -> Message | Section:
    if not _CODE.search(body):  # nearly all messages are examples in plain text, and compiling one takes a millisecond
        return Message(role, body.strip(), shared)
    section = Section(role, shared, _ENVIRONMENT.from_string(body))
    return section if _variables(body) else section.message({})


def _variables(body: str) -> frozenset[str]:
    """What a message takes from outside."""
    if not _CODE.search(body):
        return frozenset()
    return frozenset(jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(body)))


def _check_variables(name: str, front: Front, bodies: Sequence[tuple[Role, bool, str]]) -> None:
    used = [_variables(body) for _, _, body in bodies]
    everything: frozenset[str] = frozenset().union(*used)
    if wrong := everything ^ front.variables:
        raise InvalidSpec(f"the prompt {name!r} must declare what it uses and use what it declares: {sorted(wrong)}")
    last_shared = max((i for i, (_, shared, _) in enumerate(bodies) if shared), default=-1)
    if varying := frozenset[str]().union(*used[: last_shared + 1]):
        raise InvalidSpec(f"the prompt {name!r} uses {sorted(varying)} in what is shared between requests")


def plain(text: str) -> str:
    """Make corpus text harmless: our marks become straight quotes, those of chat templates stand in parentheses."""
    return disarm(text.replace(OPEN, '"').replace(CLOSE, '"'))


def highlight(passage: Passage) -> str:
    """The passage's text with its highlighted stretches between « and »; no other such mark is left in it."""
    if not passage.marks:
        return plain(passage.text)
    parts: list[str] = []
    previous = False
    for piece, mark in zip(passage.pieces, passage.marks, strict=True):
        parts.append((OPEN if mark else CLOSE) * (mark != previous) + piece.replace(OPEN, '"').replace(CLOSE, '"'))
        previous = mark
    return disarm("".join(parts) + CLOSE * previous)


def _json(value: object) -> _Rendered:
    return _quoted(plain(str(value)))


def _marked(passage: Passage) -> _Rendered:
    return _quoted(highlight(passage))


def _quoted(text: str) -> _Rendered:
    if text.isascii():
        return _Rendered(json.dumps(text).replace("\x7f", "\\u007f"))
    legal = text.encode("utf-8", "replace").decode("utf-8")
    return _Rendered(json.dumps(legal, ensure_ascii=False).translate(_LINE_BREAKS))


def _only_rendered(value: object) -> object:
    if isinstance(value, _Rendered | int | float | jinja2.Undefined):
        return value
    raise InvalidSpec(f"a {type(value).__name__} must go into a prompt through `| json` or `| marked`")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, finalize=_only_rendered, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(json=_json, marked=_marked)
    return environment


_ENVIRONMENT = _environment()


def main(arguments: Sequence[str] | None = None) -> None:
    """Check that the lock holds the versions of the prompts, or write it anew."""
    parser = argparse.ArgumentParser(prog="python -m autointerp.prompts", description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent.parent / "prompts")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="fail when a prompt changed since it was locked")
    action.add_argument("--lock", action="store_true", help="write the lock")
    chosen = parser.parse_args(arguments)
    lock = PromptLibrary.load(chosen.folder).lock
    path: Path = chosen.folder / LOCK
    if chosen.lock:
        path.write_text(lock, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != lock:
        sys.exit(
            "prompts.lock does not hold these prompts: review the change, then run python -m autointerp.prompts --lock"
        )


if __name__ == "__main__":
    main()
