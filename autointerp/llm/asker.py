"""What plug-ins that have a language model write share: the options that say which model and how, and the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from autointerp.domain.calls import Complete, Request
from autointerp.domain.capabilities import Capability
from autointerp.domain.tools import Prompts, Tools


class LLMOptions(BaseModel):
    """Which model is asked, and how; a plug-in adds options of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(default=None, pattern=r"^[^/]+/.+$", description="endpoint/model; the run's if not given")
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: str | None = None
    max_tokens: int = Field(default=1_000, ge=16)

    def asker(self, tools: Tools, who: str, *, logprobs: int | None = None) -> "Asker":
        """Take the model from the tools; InvalidSpec when none is at hand, or it is known to lack what is needed.

        `logprobs`: how many alternatives at each token some of its requests will ask for.
        """
        wanted = {Capability.LOGPROBS: logprobs, Capability.TEMPERATURE: self.temperature}
        needs = tuple(capability for capability, option in wanted.items() if option is not None)
        llm, endpoint, model = tools.need_llm(self.model, who, needs=needs)
        return Asker(self, llm, endpoint, model, tools.prompts)


@dataclass(frozen=True, slots=True)
class Asker:
    """One model, and the prompts that it is asked by."""

    options: LLMOptions
    llm: Complete
    endpoint: str
    model: str
    prompts: Prompts

    def request(self, prompt: str, values: Mapping[str, Any], *, schema: str, logprobs: int | None = None) -> Request:
        """The rendered prompt as a request whose reply must follow the JSON schema."""
        rendered = self.prompts.render(prompt, values)
        return Request(
            endpoint=self.endpoint,
            model=self.model,
            messages=rendered.messages,
            max_tokens=self.options.max_tokens,
            schema=schema,
            temperature=self.options.temperature,
            reasoning_effort=self.options.reasoning_effort,
            logprobs=logprobs,
            prompt=rendered.version,
        )
