"""The record of a training run, kept as `report.json` beside the weights."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, computed_field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class StageTime(_Record):
    """How long a stage took."""

    seconds: float
    tokens: int
    threads: int
    machine: str


class ModelQuality(_Record):
    """The language model on the validation documents (losses in nats/token)."""

    parameters: int
    train_tokens: int
    validation_tokens: int
    validation_loss: float
    unigram_loss: float


class SaeQuality(_Record):
    """A sparse autoencoder on the validation documents (losses in nats/token)."""

    architecture: str
    features: int
    tokens: int
    l0: float
    fraction_unexplained: float
    loss_original: float
    loss_reconstructed: float
    loss_zeroed: float
    loss_mean: float
    live_features: int
    dense_features: int

    @computed_field
    @property
    def loss_recovered(self) -> float:
        """The share of the loss between a zeroed and an untouched hook that the reconstruction keeps."""
        return (self.loss_zeroed - self.loss_reconstructed) / (self.loss_zeroed - self.loss_original)

    @computed_field
    @property
    def loss_recovered_from_mean(self) -> float:
        """The same against a hook held at its mean, a harder baseline than zero."""
        return (self.loss_mean - self.loss_reconstructed) / (self.loss_mean - self.loss_original)


class Report(_Record):
    """Everything measured in a run, as far as it got."""

    hook: str
    stages: dict[str, StageTime] = {}
    model: ModelQuality | None = None
    saes: dict[str, SaeQuality] = {}


def read(path: Path, *, hook: str) -> Report:
    """Read the report at `path`, or give an empty one if there is none."""
    return Report.model_validate_json(path.read_bytes()) if path.exists() else Report(hook=hook)


def write(report: Report, path: Path) -> None:
    """Write the report to `path` as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def table(report: Report) -> str:
    """Lay the report out for a terminal."""
    lines: list[str] = []
    if report.model is not None:
        lines += [
            f"parameters          {report.model.parameters:>12,}",
            f"training tokens     {report.model.train_tokens:>12,}",
            f"validation tokens   {report.model.validation_tokens:>12,}",
            f"validation loss     {report.model.validation_loss:>12.3f} nats/token",
            f"unigram loss        {report.model.unigram_loss:>12.3f} nats/token",
        ]
    if report.saes:
        lines += ["", "".join(["SAE".ljust(22), *(name.rjust(16) for name in report.saes)])]
        lines += [title.ljust(22) + "".join(cells) for title, cells in _sae_rows(list(report.saes.values()))]
    if report.stages:
        lines += ["", f"{'stage':<16}{'seconds':>10}{'tokens':>14}{'threads':>9}"]
        lines += [
            f"{name:<16}{stage.seconds:>10.0f}{stage.tokens:>14,}{stage.threads:>9}"
            for name, stage in report.stages.items()
        ]
    return "\n".join(lines)


def _sae_rows(saes: list[SaeQuality]) -> list[tuple[str, list[str]]]:
    return [
        ("L0", [f"{sae.l0:16.1f}" for sae in saes]),
        ("variance unexplained", [f"{sae.fraction_unexplained:16.3f}" for sae in saes]),
        ("loss recovered", [f"{sae.loss_recovered:16.3f}" for sae in saes]),
        ("  against the mean", [f"{sae.loss_recovered_from_mean:16.3f}" for sae in saes]),
        ("loss, untouched", [f"{sae.loss_original:16.3f}" for sae in saes]),
        ("loss, reconstructed", [f"{sae.loss_reconstructed:16.3f}" for sae in saes]),
        ("loss, mean", [f"{sae.loss_mean:16.3f}" for sae in saes]),
        ("loss, zero", [f"{sae.loss_zeroed:16.3f}" for sae in saes]),
        ("live features", [f"{sae.live_features:>10} of {sae.features}" for sae in saes]),
        ("fire on over 10 %", [f"{sae.dense_features:16}" for sae in saes]),
    ]
