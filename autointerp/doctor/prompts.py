"""The prompts: all can be read, and they are the ones that were reviewed."""

from collections.abc import Iterator

from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.errors import AutointerpError
from autointerp.prompts import LOCK, PromptLibrary, default_folder
from autointerp.settings import Settings


def check_prompts(settings: Settings) -> Iterator[Finding]:
    """Check the folder of prompts against its lock."""
    folder = settings.prompts or default_folder()
    try:
        library = PromptLibrary.load(folder)
    except (AutointerpError, OSError) as error:
        yield failed("prompts", str(error), "correct the prompt, or unset AUTOINTERP_PROMPTS")
        return
    lock = folder / LOCK
    if not library.prompts:
        yield failed("prompts", f"there are none in {folder}", "correct AUTOINTERP_PROMPTS, or unset it")
    elif not lock.is_file() or lock.read_text(encoding="utf-8") != library.lock:
        todo = f"review the change, then python -m autointerp.prompts --lock --folder {folder}"
        yield warning("prompts", f"{LOCK} does not hold the prompts in {folder}", todo)
    else:
        yield fine("prompts", f"{len(library.prompts)}, as locked")
