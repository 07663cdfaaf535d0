"""What scorers that read texts ask of an endpoint is known before a run, and of a local model nothing is asked."""

from autointerp.runs.rehearsal import rehearse
from tests.pipeline.world import World

SURPRISAL = {"quantile": 10, "random": 10, "same_token": 0}


def test_every_window_is_two_requests_with_the_prompt_in_them(world: World) -> None:
    reads = {"name": "surprisal", "options": {**SURPRISAL, "endpoint": "fake/model"}}
    spec = world.spec(explainers=["token_statistics"], scorers=[reads], llm=None)

    [asked] = [one for one in rehearse(world.desk, spec) if one.requests]

    version = world.desk.prompts.render("scorers/surprisal", {"explanation": ""}).version
    assert ("fake", "model", version) == (asked.endpoint, asked.model, asked.prompt)
    assert asked.requests % 40 == 0
    assert asked.bytes > 1_500 * asked.requests


def test_a_local_model_costs_nothing(world: World) -> None:
    reads = {"name": "surprisal", "options": SURPRISAL}
    gains = {"name": "intervention", "options": {"answer": "logprob"}}
    predicts = {"name": "simulation", "options": {"predict": "local"}}
    spec = world.spec(explainers=["token_statistics"], scorers=[reads, gains, predicts], llm=None)

    assert rehearse(world.desk, spec) == ()


def test_what_two_explanations_ask_alike_is_reckoned_once(world: World) -> None:
    odd = {"name": "intruder", "judge": "llm"}

    def requests(*explainers: str) -> float:
        spec = world.spec(explainers=list(explainers), scorers=[odd], llm="fake/model", controls={"features": 0})
        return sum(one.requests for one in rehearse(world.desk, spec))

    assert requests("token_statistics", "vocabulary") == requests("token_statistics") > 0
