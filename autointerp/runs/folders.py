"""Refuses a local language model that may not be read, or whose folder, as far as the desk can see, is not there."""

from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

from autointerp.domain.likelihood import LogProb
from autointerp.domain.places import names_folder
from autointerp.errors import InvalidSpec
from autointerp.runs.desk import Desk, workers_alive
from autointerp.runs.inert import no_logprobs


@dataclass(frozen=True, slots=True)
class ReadHere:
    """Stands in for what opens local language models; where a worker runs on another host, the folder may be there."""

    desk: Desk

    def __call__(self, model: str) -> LogProb:
        """Stand in for one; InvalidSpec when its folder may not be read or is missing."""
        self.desk.reach.check_model(model)
        if names_folder(model) and not Path(model).expanduser().is_dir() and not self._has_other_hosts():
            raise InvalidSpec(
                f"there is no model folder {model} to read with; give the folder of a causal language model, a hub id, "
                "or leave it out to read with the run's own subject model"
            )
        return no_logprobs(model)

    def _has_other_hosts(self) -> bool:
        return any(not worker.id.startswith(f"{gethostname()}-") for worker in workers_alive(self.desk))
