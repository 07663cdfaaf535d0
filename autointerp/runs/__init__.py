"""The verbs of the service: create, cancel, resume and wait, for the API and the command line alike; never torch."""

from autointerp.runs.agreement import AgreementTable, agree
from autointerp.runs.checking import check_plugins
from autointerp.runs.comparing import Compared, ScorerComparison, compare_sides
from autointerp.runs.controls import Controlled, controls_of
from autointerp.runs.desk import Desk, workers_alive
from autointerp.runs.estimate import Quote, Side, estimate
from autointerp.runs.extending import extend_run
from autointerp.runs.harvests import cancel_harvest, continue_harvest, create_harvest, harvest_of, resume_harvest
from autointerp.runs.inquiries import ask_activations, ask_meaning, ask_steering, ask_tokens, await_answer, get_inquiry
from autointerp.runs.pace import Pace, pace_of
from autointerp.runs.pausing import pause_run
from autointerp.runs.priority import change_priority
from autointerp.runs.probing import endpoint_of, probe_endpoint, stored_probe
from autointerp.runs.retrying import retry_run
from autointerp.runs.reuse import harvest_for
from autointerp.runs.sides import FoundSide, RunSide
from autointerp.runs.speed import UNKNOWN, Speed, Speedometer
from autointerp.runs.steadiness import warnings_about, warnings_of
from autointerp.runs.summary import ScorerSummary, summarise_run
from autointerp.runs.verbs import cancel_run, create_run, resume_run
from autointerp.runs.waiting import wait_harvest, wait_run

__all__ = [
    "UNKNOWN",
    "AgreementTable",
    "Compared",
    "Controlled",
    "Desk",
    "FoundSide",
    "Pace",
    "Quote",
    "RunSide",
    "ScorerComparison",
    "ScorerSummary",
    "Side",
    "Speed",
    "Speedometer",
    "agree",
    "ask_activations",
    "ask_meaning",
    "ask_steering",
    "ask_tokens",
    "await_answer",
    "cancel_harvest",
    "cancel_run",
    "change_priority",
    "check_plugins",
    "compare_sides",
    "continue_harvest",
    "controls_of",
    "create_harvest",
    "create_run",
    "endpoint_of",
    "estimate",
    "extend_run",
    "get_inquiry",
    "harvest_for",
    "harvest_of",
    "pace_of",
    "pause_run",
    "probe_endpoint",
    "resume_harvest",
    "resume_run",
    "retry_run",
    "stored_probe",
    "summarise_run",
    "wait_harvest",
    "wait_run",
    "warnings_about",
    "warnings_of",
    "workers_alive",
]
