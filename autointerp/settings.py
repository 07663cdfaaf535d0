"""What a deployment sets: `AUTOINTERP_*` variables and `autointerp.toml`; the only reader of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from autointerp.domain.inquiries import InquiryLimits
from autointerp.errors import InvalidInput

FILE = "autointerp.toml"


class EndpointSettings(BaseModel):
    """A language-model server: the provider plug-in that speaks to it, its address, key and options.

    `policy` says how it is treated (attempts, waits, requests in flight), `batch` how its batches are, and `price` what
    it costs, in dollars per million tokens; all as `llm.base.Endpoint` has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(min_length=1)
    base_url: str | None = None
    api_key: SecretStr | None = None
    options: dict[str, Any] = {}
    policy: dict[str, Any] = {}
    batch: dict[str, Any] = {}
    price: dict[str, Any] | None = None


class WorkerSettings(BaseModel):
    """How a worker works: `chunks` at once, `features` of each in flight; times in seconds.

    A worker that is silent for `lease` is taken for dead. One that is told to stop lets what is in flight finish for
    at most `drain`. `polling` is the pause between looks at a queue, `inquiry_polling` that at the queue of what
    somebody waits for, and `tending` that between looks after batches. Its numbers are at `/metrics` of `metrics_port`,
    if there is one, on `metrics_host`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chunks: int = Field(default=2, ge=1)
    features: int = Field(default=16, ge=1)
    lease: float = Field(default=15.0, gt=0)
    drain: float = Field(default=20.0, ge=0)
    polling: float = Field(default=0.5, gt=0)
    inquiry_polling: float = Field(default=0.1, gt=0)
    tending: float = Field(default=5.0, gt=0)
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"


class AccessSettings(BaseModel):
    """Who may ask the API, and how much.

    In mode `auto` a server at a loopback address is that of one person and asks for no key, and any other asks for
    keys; `keys` asks for them everywhere. `proxy` never asks: only for a server that nobody reaches but through a proxy
    that knows who is there. `hosts` are further names of a server that asks for no key, `origins` web sites that may
    ask from a browser. `body` is in bytes; a request must arrive within `seconds`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["auto", "keys", "proxy"] = "auto"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    body: int = Field(default=4 << 20, ge=1)
    seconds: float = Field(default=30.0, gt=0)


class ReachSettings(BaseModel):
    """What specs may name, where they come from others than the one person of a single-user server.

    `roots` are the folders that paths lie in, `hub` the names on the hub, `plugins` the plug-ins beside those that
    ship; `*` stands for anything. `urls` are the beginnings of addresses that a data set may name as its files. With
    `roots` set, workers hold to them whoever handed the work in. `pickles` lets files be read that can run code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    roots: tuple[Path, ...] = ()
    hub: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    pickles: bool = False


BUILT_IN: Mapping[str, EndpointSettings] = {
    "openai": EndpointSettings(provider="openai"),
    "anthropic": EndpointSettings(provider="anthropic"),
    "fake": EndpointSettings(provider="fake"),
}
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}


class Settings(BaseSettings):
    """Everything a deployment can set. An environment variable wins over the file, and both over the default.

    `shards` is a folder or an fsspec URL that all harvest workers reach, a folder in `data_dir` if not given.
    Traces go to `otlp_endpoint`, if anywhere. An API that is told to stop first says so for `stop_notice` seconds.
    `inquiries` limits what one may ask of subject models while waiting for the answer.
    `endpoints` maps names to servers; `openai`, `anthropic` and `fake` are built in and may be changed field by field.
    """

    model_config = SettingsConfigDict(
        env_prefix="AUTOINTERP_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Path(".autointerp")
    database_url: str = ""
    shards: str = ""
    endpoints: dict[str, EndpointSettings] = {}
    prompts: Path | None = None
    device: str = "cpu"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    log_format: Literal["text", "json"] = "text"
    otlp_endpoint: str = ""
    stop_notice: float = Field(default=1.0, ge=0)
    worker: WorkerSettings = WorkerSettings()
    access: AccessSettings = AccessSettings()
    reach: ReachSettings = ReachSettings()
    inquiries: InquiryLimits = InquiryLimits()

    @model_validator(mode="before")
    @classmethod
    def _built_in_endpoints(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given: dict[str, Any] = dict(data.get("endpoints") or {})
        for name, endpoint in BUILT_IN.items():
            own = endpoint.model_dump(exclude_defaults=True)
            if key := os.environ.get(KEYS.get(name, ""), ""):
                own["api_key"] = key
            given[name] = {**own, **_as_dict(given.get(name))}
        return {**data, "endpoints": given}

    @model_validator(mode="after")
    def _in_the_data_folder(self) -> "Settings":
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'autointerp.db'}")
        if not self.shards:
            object.__setattr__(self, "shards", str(self.data_dir / "shards"))
        if not self.otlp_endpoint:
            object.__setattr__(self, "otlp_endpoint", os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        return self

    def secrets(self) -> frozenset[str]:
        """Everything that no log line may hold: the endpoints' keys and the database's password."""
        keys = {one.api_key.get_secret_value() for one in self.endpoints.values() if one.api_key is not None}
        password = urlsplit(self.database_url).password
        return frozenset(keys | ({password, unquote(password)} if password else set()))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code wins over the environment, and that over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=FILE)


def load(**given: Any) -> Settings:
    """Read the settings; InvalidInput names the first wrong one."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InvalidInput(f"the setting {where} is wrong: {first['msg']}") from error


def _as_dict(endpoint: Any) -> dict[str, Any]:
    if endpoint is None:
        return {}
    return endpoint.model_dump(exclude_unset=True) if isinstance(endpoint, BaseModel) else dict(endpoint)
