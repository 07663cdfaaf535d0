"""The wheel holds everything the installed package needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel as pip would, with the back end that pyproject.toml names."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=ROOT, check=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_prompts_migrations_and_the_bundled_model(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())

    for path in [*(ROOT / "prompts").rglob("*.md"), *(ROOT / "prompts").glob("*.lock")]:
        assert f"autointerp/_bundled/prompts/{path.relative_to(ROOT / 'prompts')}" in names
    for path in (ROOT / "migrations").rglob("*.py"):
        assert f"autointerp/_bundled/migrations/{path.relative_to(ROOT / 'migrations')}" in names
    for folder in ("model", "sae-topk", "sae-jumprelu"):
        assert any(name.startswith(f"autointerp/demo/files/{folder}/") for name in names)


def test_the_bundled_weights_stay_under_twelve_megabytes(wheel: zipfile.ZipFile) -> None:
    weights = [info.file_size for info in wheel.infolist() if info.filename.endswith(".safetensors")]

    assert len(weights) == 3
    assert sum(weights) < 12_000_000
