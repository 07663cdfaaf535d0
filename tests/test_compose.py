"""The compose file parses, fits the Dockerfile, and runs commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from autointerp import settings, wiring
from autointerp.api.gate.access import Mode
from autointerp.api.serving import SHUTDOWN
from autointerp.cli import app
from autointerp.doctor.settings import unknown_variables
from autointerp.settings import Settings, WorkerSettings

ROOT = Path(__file__).parent.parent
OWN = ("migrate", "api", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The parsed compose file."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("service", OWN)
def test_every_command_is_one_that_the_cli_has(compose: dict[str, Any], service: str) -> None:
    command = compose["services"][service]["command"]

    _parse(command)


def test_the_default_command_of_each_image_is_one_that_the_cli_has() -> None:
    commands = re.findall(r"^CMD \[(.+)\]$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)

    assert len(commands) == 2
    for command in commands:
        _parse(re.findall(r'"([^"]*)"', command))


@pytest.mark.parametrize("service", OWN)
def test_every_target_is_a_stage_of_the_dockerfile(compose: dict[str, Any], service: str) -> None:
    stages = re.findall(r"^FROM .+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)

    assert compose["services"][service]["build"]["target"] in stages


def test_no_image_runs_as_root() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[2:]

    assert ["USER autointerp" in stage for stage in stages] == [True, True]


def test_a_container_is_healthy_when_it_can_answer_and_has_time_to_leave(compose: dict[str, Any]) -> None:
    api, worker = compose["services"]["api"], compose["services"]["worker"]
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert "/ready" in api["healthcheck"]["test"][-1]
    assert "8000/ready" in dockerfile
    assert int(api["stop_grace_period"].removesuffix("s")) > SHUTDOWN + Settings.model_fields["stop_notice"].default
    assert int(worker["stop_grace_period"].removesuffix("s")) > WorkerSettings.model_fields["drain"].default


def test_what_is_set_is_a_setting(compose: dict[str, Any]) -> None:
    variables = {name for service in OWN for name in compose["services"][service]["environment"]}

    assert list(unknown_variables(dict.fromkeys(variables, "x"))) == []


def test_the_services_start_after_the_migration_and_it_after_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for service in ("api", "worker"):
        assert services[service]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_every_volume_that_is_mounted_is_declared(compose: dict[str, Any]) -> None:
    mounted = {v.split(":")[0] for service in compose["services"].values() for v in service.get("volumes", ())}

    assert mounted == set(compose["volumes"])


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    names = {name for line in copied for name in line.split()}
    assert names == kept
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_api_asks_for_keys_and_is_published_on_this_machine_alone(compose: dict[str, Any]) -> None:
    api = compose["services"]["api"]
    environment = {name: str(value) for name, value in api["environment"].items() if name.startswith("AUTOINTERP_")}
    host = api["command"][api["command"].index("--host") + 1]

    assert Mode.KEYS is wiring.access_of(settings.load(), host).mode
    assert "AUTOINTERP_ACCESS__MODE" not in environment
    assert [published.split(":")[0] for published in api["ports"]] == ["127.0.0.1"]


def test_docker_accepts_the_compose_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker client with compose here")

    done = subprocess.run([docker, "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def _parse(command: list[str]) -> None:
    """Parse a command line as the CLI would, without running it."""
    context = typer.main.get_command(app).make_context("autointerp", list(command))
    name, found, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
    found.make_context(name, list(rest), parent=context)
