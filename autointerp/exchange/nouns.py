"""The files of an archive: each noun with its record, how its rows are read out, and how they are stored again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autointerp.domain import archived
from autointerp.storage.archive import inward
from autointerp.storage.archive.outward import Outward
from autointerp.storage.engine import WriteSession


@dataclass(frozen=True, slots=True)
class Noun:
    """One file of an archive; `batch` rows are read and stored at a time."""

    name: str
    record: type[archived.Archived]
    read: Callable[[Outward], Iterator[archived.Archived]]
    store: Callable[[WriteSession, Sequence[Any]], None]
    batch: int = 500


# In the order in which they are stored: what is referred to comes first.
NOUNS = (
    Noun("vocabularies", archived.ArchivedVocabulary, Outward.vocabularies, inward.add_vocabularies, batch=1),
    Noun("models", archived.ArchivedModel, Outward.models, inward.add_models),
    Noun("saes", archived.ArchivedSae, Outward.saes, inward.add_saes),
    Noun("harvests", archived.ArchivedHarvest, Outward.harvests, inward.add_harvests),
    Noun("pools", archived.ArchivedPool, Outward.pools, inward.add_pools, batch=1),
    Noun("features", archived.ArchivedFeature, Outward.features, inward.add_features),
    Noun("examples", archived.ArchivedExamples, Outward.examples, inward.add_examples, batch=200),
    Noun("prompts", archived.ArchivedPrompt, Outward.prompts, inward.add_prompts),
    Noun("runs", archived.ArchivedRun, Outward.runs, inward.add_runs),
    Noun("run_features", archived.ArchivedRunFeature, Outward.run_features, inward.add_run_features),
    Noun("explanations", archived.ArchivedExplanation, Outward.explanations, inward.add_explanations),
    Noun("unread", archived.ArchivedUnread, Outward.unread, inward.add_unread),
    Noun("scores", archived.ArchivedScore, Outward.scores, inward.add_scores, batch=200),
)
