"""The bundled model with a context for long prompts, which its rotary positions allow."""

import json
import shutil
from pathlib import Path

from autointerp import demo


def save_roomy(folder: Path) -> Path:
    """Save it to a new folder."""
    shutil.copytree(demo.MODEL, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))
    return folder
