"""A plug-in as the API shows it: its name, what it is for, and its options."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from autointerp.api.schemas.base import Shown, example

DETECTION: dict[str, Any] = {
    "role": "scorer",
    "name": "detection",
    "summary": "Asks of whole passages whether the feature fires in them.",
    "options": {"type": "object", "title": "Config", "properties": {}, "additionalProperties": False},
}


class PluginRole(StrEnum):
    """What a plug-in is for."""

    EXPLAINER = "explainer"
    SCORER = "scorer"
    JUDGE = "judge"
    PROVIDER = "provider"


class Plugin(Shown):
    """A plug-in that specs can name."""

    model_config = example(**DETECTION)

    role: PluginRole
    name: str
    summary: str = Field(description="its module's first sentence")
    options: dict[str, Any] = Field(description="JSON schema of its options")


class Catalogue(Shown):
    """The plug-ins that ship."""

    model_config = example(items=[DETECTION])

    items: list[Plugin]
