"""The verbs of the service: create, cancel, resume and wait, for the API and the command line alike; never torch."""

from autointerp.runs.checking import check_plugins
from autointerp.runs.controls import Controlled, controls_of
from autointerp.runs.desk import Desk, workers_alive
from autointerp.runs.estimate import Quote, Side, estimate
from autointerp.runs.harvests import cancel_harvest, continue_harvest, create_harvest, resume_harvest
from autointerp.runs.pace import Pace, pace_of
from autointerp.runs.probing import endpoint_of, probe_endpoint, stored_probe
from autointerp.runs.reuse import harvest_for
from autointerp.runs.verbs import cancel_run, create_run, resume_run
from autointerp.runs.waiting import wait_harvest, wait_run

__all__ = [
    "Controlled",
    "Desk",
    "Pace",
    "Quote",
    "Side",
    "cancel_harvest",
    "cancel_run",
    "check_plugins",
    "continue_harvest",
    "controls_of",
    "create_harvest",
    "create_run",
    "endpoint_of",
    "estimate",
    "harvest_for",
    "pace_of",
    "probe_endpoint",
    "resume_harvest",
    "resume_run",
    "stored_probe",
    "wait_harvest",
    "wait_run",
    "workers_alive",
]
