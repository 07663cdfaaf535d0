"""The blocking client's methods; written by `autointerp.clientgen`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from autointerp.api.paging import Page
from autointerp.api.schemas.agreement import Agreement
from autointerp.api.schemas.comparisons import Comparison, ComparisonWanted
from autointerp.api.schemas.controls import RunControls
from autointerp.api.schemas.endpoints import Endpoint, Endpoints, Probe, ProbeWanted
from autointerp.api.schemas.estimates import Estimate
from autointerp.api.schemas.explanations import Explanation, UnreadReply
from autointerp.api.schemas.features import Feature, FeaturePage
from autointerp.api.schemas.harvests import Harvest
from autointerp.api.schemas.health import Health, Readiness
from autointerp.api.schemas.inquiries import Activations, Steering, Tokens
from autointerp.api.schemas.keys import JournalLine, Key, KeyWanted, NewKey
from autointerp.api.schemas.models import Model
from autointerp.api.schemas.plugins import Catalogue, Plugin, PluginRole
from autointerp.api.schemas.runs import Change, FailedFeature, Retry, Run, RunPage, WarnedRun
from autointerp.api.schemas.saes import Sae
from autointerp.api.schemas.scores import Score, Trial
from autointerp.api.schemas.searches import Hit, Search
from autointerp.api.schemas.summaries import Summary
from autointerp.api.schemas.trials import RunTrial
from autointerp.client.calls import Call
from autointerp.client.connection import Connection
from autointerp.client.pages import Pages
from autointerp.client.resource import Resource
from autointerp.client.waiting import HarvestsWaiting, RunsWaiting
from autointerp.domain.examples import Split
from autointerp.domain.inquiries import ActivationsWanted, MeaningWanted, SteeringWanted, TokensWanted
from autointerp.domain.specs import Budget, Extension, HarvestSpec, RunSpec
from autointerp.storage.records import FeatureOrder, RunState


class ActivationsCalls(Resource):
    """The calls about activations."""

    def ask(self, body: ActivationsWanted | Mapping[str, Any], *, prefer: str | None = None) -> Activations:
        """Read a text with the subject model: what named features do at each token, or which features are largest."""
        return self.connection.make(Call("POST", "/v1/activations", Activations, headers={"prefer": prefer}, body=body))

    def get(self, inquiry_id: str) -> Activations:
        """Show what was asked about a text, and the answer once it is there."""
        return self.connection.make(Call("GET", f"/v1/activations/{self.part(inquiry_id)}", Activations))


class ComparisonsCalls(Resource):
    """The calls about comparisons."""

    def compare(self, body: ComparisonWanted | Mapping[str, Any]) -> Comparison:
        """Compare two sides feature by feature, by the scorers that scored both in the same way; nothing is stored."""
        return self.connection.make(Call("POST", "/v1/comparisons", Comparison, body=body))


class EndpointsCalls(Resource):
    """The calls about endpoints."""

    def list(self) -> Endpoints:
        """List the language-model servers, with what probes found out about their models."""
        return self.connection.make(Call("GET", "/v1/endpoints", Endpoints))

    def get(self, name: str) -> Endpoint:
        """Show one language-model server."""
        return self.connection.make(Call("GET", f"/v1/endpoints/{self.part(name)}", Endpoint))

    def probe(self, name: str, body: ProbeWanted | Mapping[str, Any]) -> Probe:
        """Ask a model what it can do, by about 9 small requests that are paid for."""
        return self.connection.make(Call("POST", f"/v1/endpoints/{self.part(name)}/probe", Probe, body=body))


class ExplanationsCalls(Resource):
    """The calls about explanations."""

    def list(
        self,
        *,
        feature_id: int | None = None,
        harvest_id: str | None = None,
        run_id: str | None = None,
        explainer: str | None = None,
        limit: int | None = None,
    ) -> Pages[Explanation]:
        """List explanations, oldest first."""
        return Pages(
            self.connection,
            Call(
                "GET",
                "/v1/explanations",
                Page[Explanation],
                query={
                    "feature_id": feature_id,
                    "harvest_id": harvest_id,
                    "run_id": run_id,
                    "explainer": explainer,
                    "limit": limit,
                },
            ),
        )

    def get(self, explanation_id: int) -> Explanation:
        """Show one explanation and what made it."""
        return self.connection.make(Call("GET", f"/v1/explanations/{self.part(explanation_id)}", Explanation))


class FeaturesCalls(Resource):
    """The calls about features."""

    def list(
        self,
        *,
        order: FeatureOrder | Literal["index", "density", "max", "score"] | None = None,
        limit: int | None = None,
        harvest_id: str | None = None,
        sae_id: int | None = None,
        start: int | None = None,
        stop: int | None = None,
        min_density: float | None = None,
        max_density: float | None = None,
        min_firings: int | None = None,
        explained: bool | None = None,
        text: str | None = None,
    ) -> Pages[Feature]:
        """List the features of a harvest or an SAE that pass the filters."""
        return Pages(
            self.connection,
            Call(
                "GET",
                "/v1/features",
                Page[Feature],
                query={
                    "order": order,
                    "limit": limit,
                    "harvest_id": harvest_id,
                    "sae_id": sae_id,
                    "start": start,
                    "stop": stop,
                    "min_density": min_density,
                    "max_density": max_density,
                    "min_firings": min_firings,
                    "explained": explained,
                    "text": text,
                },
            ),
        )

    def get(
        self,
        feature_id: int,
        *,
        harvest_id: str | None = None,
        split: Sequence[Split | Literal["explain", "validation", "score"]] | None = None,
    ) -> FeaturePage:
        """Show a feature with its statistics, and its examples in the splits asked for."""
        return self.connection.make(
            Call(
                "GET",
                f"/v1/features/{self.part(feature_id)}",
                FeaturePage,
                query={"harvest_id": harvest_id, "split": split},
            )
        )

    def get_of_sae(
        self,
        sae_id: int,
        index: int,
        *,
        harvest_id: str | None = None,
        split: Sequence[Split | Literal["explain", "validation", "score"]] | None = None,
    ) -> FeaturePage:
        """Show a feature by its index in an SAE."""
        return self.connection.make(
            Call(
                "GET",
                f"/v1/saes/{self.part(sae_id)}/features/{self.part(index)}",
                FeaturePage,
                query={"harvest_id": harvest_id, "split": split},
            )
        )


class HarvestsCalls(HarvestsWaiting):
    """The calls about harvests."""

    def create(self, body: HarvestSpec | Mapping[str, Any]) -> Harvest:
        """Start a harvest; the same spec again gives the harvest that is already there, unless it failed."""
        return self.connection.make(Call("POST", "/v1/harvests", Harvest, body=body))

    def list(self, *, limit: int | None = None) -> Pages[Harvest]:
        """List harvests, newest first."""
        return Pages(self.connection, Call("GET", "/v1/harvests", Page[Harvest], query={"limit": limit}))

    def get(self, harvest_id: str) -> Harvest:
        """Show one harvest, how far it is and how fast."""
        return self.connection.make(Call("GET", f"/v1/harvests/{self.part(harvest_id)}", Harvest))

    def cancel(self, harvest_id: str) -> Harvest:
        """Stop a harvest; its finished shards stay, and the runs that wait for it fail until they are resumed."""
        return self.connection.make(Call("POST", f"/v1/harvests/{self.part(harvest_id)}/cancel", Harvest))

    def resume(self, harvest_id: str) -> Harvest:
        """Take up a harvest that failed or was cancelled, from the shards that are finished."""
        return self.connection.make(Call("POST", f"/v1/harvests/{self.part(harvest_id)}/resume", Harvest))


class HealthCalls(Resource):
    """The calls about health."""

    def health(self) -> Health:
        """Say that the process answers; whoever watches it starts another one when it does not."""
        return self.connection.make(Call("GET", "/health", Health))

    def ready(self, *, workers: int | None = None) -> Readiness:
        """Say that requests can be sent here: the database is there and up to date, and this process is not being stopped."""
        return self.connection.make(Call("GET", "/ready", Readiness, query={"workers": workers}))


class KeysCalls(Resource):
    """The calls about keys."""

    def create(self, body: KeyWanted | Mapping[str, Any]) -> NewKey:
        """Make a key; its secret is in this answer and can never be read again."""
        return self.connection.make(Call("POST", "/v1/keys", NewKey, body=body))

    def list(self, *, limit: int | None = None) -> Pages[Key]:
        """List keys, also those that are revoked or have expired."""
        return Pages(self.connection, Call("GET", "/v1/keys", Page[Key], query={"limit": limit}))

    def get(self, key_id: str) -> Key:
        """Show one key."""
        return self.connection.make(Call("GET", f"/v1/keys/{self.part(key_id)}", Key))

    def revoke(self, key_id: str) -> Key:
        """Let a key open nothing from the next request on."""
        return self.connection.make(Call("POST", f"/v1/keys/{self.part(key_id)}/revoke", Key))

    def lines(self, *, key_id: str | None = None, limit: int | None = None) -> Pages[JournalLine]:
        """List what was done and what was refused, oldest first."""
        return Pages(
            self.connection, Call("GET", "/v1/journal", Page[JournalLine], query={"key_id": key_id, "limit": limit})
        )


class ModelsCalls(Resource):
    """The calls about models."""

    def list(self, *, limit: int | None = None) -> Pages[Model]:
        """List the subject models that have been harvested."""
        return Pages(self.connection, Call("GET", "/v1/models", Page[Model], query={"limit": limit}))

    def get(self, model_id: int) -> Model:
        """Show one subject model."""
        return self.connection.make(Call("GET", f"/v1/models/{self.part(model_id)}", Model))


class PluginsCalls(Resource):
    """The calls about plugins."""

    def list(
        self, *, role: PluginRole | Literal["explainer", "scorer", "judge", "provider"] | None = None
    ) -> Catalogue:
        """List the plug-ins that ship, with the JSON schema of their options."""
        return self.connection.make(Call("GET", "/v1/plugins", Catalogue, query={"role": role}))

    def get(self, role: PluginRole | Literal["explainer", "scorer", "judge", "provider"], name: str) -> Plugin:
        """Show one plug-in and its options."""
        return self.connection.make(Call("GET", f"/v1/plugins/{self.part(role)}/{self.part(name)}", Plugin))


class RunsCalls(RunsWaiting):
    """The calls about runs."""

    def create(self, body: RunSpec | Mapping[str, Any], *, idempotency_key: str | None = None) -> WarnedRun:
        """Start a run; a key that was used with another spec is refused."""
        return self.connection.make(
            Call("POST", "/v1/runs", WarnedRun, headers={"Idempotency-Key": idempotency_key}, body=body)
        )

    def list(
        self,
        *,
        state: RunState
        | Literal[
            "waiting",
            "harvesting",
            "running",
            "paused",
            "complete",
            "complete_with_failures",
            "out_of_budget",
            "cancelled",
            "failed",
        ]
        | None = None,
        limit: int | None = None,
    ) -> Pages[Run]:
        """List runs, newest first."""
        return Pages(self.connection, Call("GET", "/v1/runs", Page[Run], query={"state": state, "limit": limit}))

    def estimate(self, body: RunSpec | Mapping[str, Any]) -> Estimate:
        """Tell what a run is likely to ask and to cost; nothing is stored or spent, and its harvest must be finished."""
        return self.connection.make(Call("POST", "/v1/runs/estimate", Estimate, body=body))

    def get(self, run_id: str) -> RunPage:
        """Show one run, how far it is and what it has cost."""
        return self.connection.make(Call("GET", f"/v1/runs/{self.part(run_id)}", RunPage))

    def change(self, run_id: str, body: Change | Mapping[str, Any]) -> RunPage:
        """Change the priority of a run that has not ended; what workers have in hand is finished as it is."""
        return self.connection.make(Call("PATCH", f"/v1/runs/{self.part(run_id)}", RunPage, body=body))

    def summarise(self, run_id: str) -> Summary:
        """Put the run's scores together: a line for each explainer and scorer, with what was left out of it and why."""
        return self.connection.make(Call("GET", f"/v1/runs/{self.part(run_id)}/summary", Summary))

    def agreement(self, run_id: str, *, seed: int | None = None) -> Agreement:
        """Tell how far the run's scorers agree: their rank correlations over the same explanations."""
        return self.connection.make(
            Call("GET", f"/v1/runs/{self.part(run_id)}/agreement", Agreement, query={"seed": seed})
        )

    def cancel(self, run_id: str) -> RunPage:
        """Stop a run; what it has stored stays, and it can be resumed."""
        return self.connection.make(Call("POST", f"/v1/runs/{self.part(run_id)}/cancel", RunPage))

    def pause(self, run_id: str) -> RunPage:
        """Let a run rest until it is resumed: it keeps its place, and its open batches are still read."""
        return self.connection.make(Call("POST", f"/v1/runs/{self.part(run_id)}/pause", RunPage))

    def retry(self, run_id: str, body: Retry | Mapping[str, Any] | None = None) -> RunPage:
        """Try failed features again, also while the run is under way: those that the body names, or all."""
        return self.connection.make(Call("POST", f"/v1/runs/{self.part(run_id)}/retry", RunPage, body=body))

    def extend(self, run_id: str, body: Extension | Mapping[str, Any], *, idempotency_key: str | None = None) -> Run:
        """Start a run that takes over all that a run has, and does what this asks for in addition."""
        return self.connection.make(
            Call(
                "POST",
                f"/v1/runs/{self.part(run_id)}/extend",
                Run,
                headers={"Idempotency-Key": idempotency_key},
                body=body,
            )
        )

    def resume(self, run_id: str, body: Budget | Mapping[str, Any] | None = None) -> RunPage:
        """Take up a run that was paused or cancelled, ran out of budget or failed in parts; only what is missing is done."""
        return self.connection.make(Call("POST", f"/v1/runs/{self.part(run_id)}/resume", RunPage, body=body))

    def failures(self, run_id: str, *, limit: int | None = None) -> Pages[FailedFeature]:
        """List the features that the run could not finish, and why."""
        return Pages(
            self.connection,
            Call("GET", f"/v1/runs/{self.part(run_id)}/failures", Page[FailedFeature], query={"limit": limit}),
        )

    def unread(self, run_id: str, *, limit: int | None = None) -> Pages[UnreadReply]:
        """List the replies of explainers that could not be read."""
        return Pages(
            self.connection,
            Call("GET", f"/v1/runs/{self.part(run_id)}/unread", Page[UnreadReply], query={"limit": limit}),
        )

    def list_trials(
        self,
        run_id: str,
        *,
        control: Literal["shuffled", "always_yes", "always_no", "random_direction"] | None = None,
        limit: int | None = None,
    ) -> Pages[RunTrial]:
        """List every question that the scores of a run were computed from, score by score."""
        return Pages(
            self.connection,
            Call(
                "GET",
                f"/v1/runs/{self.part(run_id)}/trials",
                Page[RunTrial],
                query={"control": control, "limit": limit},
            ),
        )

    def controls(self, run_id: str) -> RunControls:
        """Show the mean of each scorer beside that of each control, on the features of the run that have both."""
        return self.connection.make(Call("GET", f"/v1/runs/{self.part(run_id)}/controls", RunControls))


class SaesCalls(Resource):
    """The calls about saes."""

    def list(self, *, model_id: int | None = None, limit: int | None = None) -> Pages[Sae]:
        """List the SAEs that have been harvested."""
        return Pages(self.connection, Call("GET", "/v1/saes", Page[Sae], query={"model_id": model_id, "limit": limit}))

    def get(self, sae_id: int) -> Sae:
        """Show one SAE."""
        return self.connection.make(Call("GET", f"/v1/saes/{self.part(sae_id)}", Sae))


class ScoresCalls(Resource):
    """The calls about scores."""

    def list(
        self,
        *,
        explanation_id: int | None = None,
        feature_id: int | None = None,
        harvest_id: str | None = None,
        run_id: str | None = None,
        scorer: str | None = None,
        judge: str | None = None,
        min_value: float | None = None,
        max_value: float | None = None,
        control: Literal["shuffled", "always_yes", "always_no", "random_direction"] | Literal["imported"] | None = None,
        limit: int | None = None,
    ) -> Pages[Score]:
        """List scores, oldest first."""
        return Pages(
            self.connection,
            Call(
                "GET",
                "/v1/scores",
                Page[Score],
                query={
                    "explanation_id": explanation_id,
                    "feature_id": feature_id,
                    "harvest_id": harvest_id,
                    "run_id": run_id,
                    "scorer": scorer,
                    "judge": judge,
                    "min_value": min_value,
                    "max_value": max_value,
                    "control": control,
                    "limit": limit,
                },
            ),
        )

    def get(self, score_id: int) -> Score:
        """Show one score with its interval, counts and breakdown."""
        return self.connection.make(Call("GET", f"/v1/scores/{self.part(score_id)}", Score))

    def trials(self, score_id: int, *, limit: int | None = None) -> Pages[Trial]:
        """List the questions that the score was computed from, in the order asked, with the truth and the answer."""
        return Pages(
            self.connection,
            Call("GET", f"/v1/scores/{self.part(score_id)}/trials", Page[Trial], query={"limit": limit}),
        )


class SearchesCalls(Resource):
    """The calls about searches."""

    def search_explanations(
        self,
        *,
        text: str,
        limit: int | None = None,
        model_id: int | None = None,
        sae_id: int | None = None,
        harvest_id: str | None = None,
        explainer: str | None = None,
        scorer: str | None = None,
        min_score: float | None = None,
    ) -> Pages[Hit]:
        """Find explanations by their words, the best first; among very many, the newest 5,000 are ranked."""
        return Pages(
            self.connection,
            Call(
                "GET",
                "/v1/searches",
                Page[Hit],
                query={
                    "text": text,
                    "limit": limit,
                    "model_id": model_id,
                    "sae_id": sae_id,
                    "harvest_id": harvest_id,
                    "explainer": explainer,
                    "scorer": scorer,
                    "min_score": min_score,
                },
            ),
        )

    def search_by_meaning(self, body: MeaningWanted | Mapping[str, Any], *, prefer: str | None = None) -> Search:
        """Find the explanations that are nearest in meaning to a text; a worker embeds the text first."""
        return self.connection.make(Call("POST", "/v1/searches", Search, headers={"prefer": prefer}, body=body))

    def search(self, inquiry_id: str) -> Search:
        """Show a search by meaning, and what it finds now, once its text is embedded."""
        return self.connection.make(Call("GET", f"/v1/searches/{self.part(inquiry_id)}", Search))


class SteeringCalls(Resource):
    """The calls about steering."""

    def ask(self, body: SteeringWanted | Mapping[str, Any], *, prefer: str | None = None) -> Steering:
        """Continue a text by the clean model and with features changed; 503 while too many such requests wait."""
        return self.connection.make(Call("POST", "/v1/steering", Steering, headers={"prefer": prefer}, body=body))

    def get(self, inquiry_id: str) -> Steering:
        """Show what was asked of a model with features changed, and the answer once it is there."""
        return self.connection.make(Call("GET", f"/v1/steering/{self.part(inquiry_id)}", Steering))


class TokensCalls(Resource):
    """The calls about tokens."""

    def ask(self, body: TokensWanted | Mapping[str, Any], *, prefer: str | None = None) -> Tokens:
        """Tell the tokens of a text, or the text of tokens, by the tokenizer of a harvested model."""
        return self.connection.make(Call("POST", "/v1/tokens", Tokens, headers={"prefer": prefer}, body=body))

    def get(self, inquiry_id: str) -> Tokens:
        """Show what was asked of a tokenizer, and the answer once it is there."""
        return self.connection.make(Call("GET", f"/v1/tokens/{self.part(inquiry_id)}", Tokens))


class Resources:
    """A client's nouns."""

    def __init__(self, connection: Connection) -> None:
        self.activations = ActivationsCalls(connection)
        self.comparisons = ComparisonsCalls(connection)
        self.endpoints = EndpointsCalls(connection)
        self.explanations = ExplanationsCalls(connection)
        self.features = FeaturesCalls(connection)
        self.harvests = HarvestsCalls(connection)
        self.health = HealthCalls(connection)
        self.keys = KeysCalls(connection)
        self.models = ModelsCalls(connection)
        self.plugins = PluginsCalls(connection)
        self.runs = RunsCalls(connection)
        self.saes = SaesCalls(connection)
        self.scores = ScoresCalls(connection)
        self.searches = SearchesCalls(connection)
        self.steering = SteeringCalls(connection)
        self.tokens = TokensCalls(connection)
