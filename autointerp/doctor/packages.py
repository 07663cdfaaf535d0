"""Packages that only some processes need, and the device that models are to run on."""

from collections.abc import Iterator
from importlib import metadata

from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.settings import Settings


def check_packages(settings: Settings) -> Iterator[Finding]:
    """Check the extras, and the device of a worker."""
    torch = _version("torch")
    if torch is None:
        todo = "pip install 'autointerp[models]' where a worker is to run; an API needs none of it"
        yield warning("packages", "torch is not installed", todo)
    else:
        yield _device(settings.device, torch)
    if settings.otlp_endpoint and _version("opentelemetry-exporter-otlp-proto-http") is None:
        yield failed("packages", "traces are wanted and cannot be sent", "pip install 'autointerp[traces]'")


def _device(device: str, version: str) -> Finding:
    if device == "cpu":
        return fine("packages", f"torch {version}, models run on the CPU")
    import torch  # a second or more, so only where a device is to be looked at

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        todo = "name another AUTOINTERP_DEVICE, or install the build of torch for this machine"
        return failed("packages", f"the device {device} cannot be used: {str(error).splitlines()[0]}", todo)
    return fine("packages", f"torch {version}, models run on {device}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
