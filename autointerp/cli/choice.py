"""What a user names on the command line: a harvest, some features, plug-ins."""

from typing import Annotated

import typer

from autointerp.cli.specfile import parse
from autointerp.domain.specs import FeatureSelection, PluginSpec, ScorerSpec
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import features, harvests
from autointerp.storage.engine import Database, ReadSession
from autointerp.storage.records import FeatureRow, HarvestRecord, HarvestState

Harvest = Annotated[str | None, typer.Option("--harvest", help="A harvest's id; the newest finished one if not given.")]
Sae = Annotated[int, typer.Option("--sae", min=0, help="Position of the SAE in the harvest's spec.")]
Indices = Annotated[str | None, typer.Option("--features", help="Indices and ranges, such as 3,17,100-199.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Draw this many of the features that fire often enough.")]
Llm = Annotated[
    str | None,
    typer.Option("--llm", metavar="ENDPOINT/MODEL", help="The language model to ask.", callback=lambda m: check_llm(m)),
]
Seed = Annotated[int, typer.Option(min=0)]
Dollars = Annotated[float | None, typer.Option("--max-dollars", min=0, help="Stop before spending more than this.")]
PAGE = 100


def check_llm(model: str | None) -> str | None:
    """Return the model as it is; InvalidInput when it names no endpoint."""
    endpoint, _, name = (model or "endpoint/model").partition("/")
    if not endpoint or not name:
        raise InvalidInput(f"{model!r} is no model for --llm; write ENDPOINT/MODEL, such as openai/NAME")
    return model


def find_harvest(database: Database, harvest_id: str | None) -> HarvestRecord:
    """Return the harvest named, or the newest finished one."""
    with database.read() as session:
        if harvest_id is not None:
            return harvests.get(session, harvest_id)
        after: str | None = None
        while page := harvests.list_harvests(session, after=after, limit=PAGE):
            for record in page:
                if record.state == HarvestState.FINISHED:
                    return record
            after = page[-1].id
    raise NotFound("there is no finished harvest; make one with autointerp harvest SPEC.toml or autointerp demo")


def sae_id_of(record: HarvestRecord, position: int) -> int:
    """Return the id of the SAE at `position` of a harvest's spec."""
    if position >= len(record.sae_ids):
        raise InvalidInput(f"harvest {record.id} has {len(record.sae_ids)} SAEs; --sae counts from 0")
    return record.sae_ids[position]


def find_feature(session: ReadSession, name: str, harvest_id: str | None) -> FeatureRow:
    """Return the feature with the id `name`, or for SAE/INDEX the one at that index of the SAE with that id."""
    sae, _, index = name.rpartition("/")
    if not index.isdecimal() or (sae and not sae.isdecimal()):
        raise InvalidInput(f"{name!r} is no feature; write its id, or SAE/INDEX with the id of its SAE")
    if not sae:
        if harvest_id is None:
            return features.newest(session, int(index))
        return features.get(session, harvest_id, int(index))
    found = harvests.get(session, harvest_id) if harvest_id else harvests.newest(session, int(sae))
    if found is None:
        raise NotFound(f"there is no finished harvest of an SAE {sae}")
    return features.get_by_index(session, found.id, int(sae), int(index))


def select_features(sae: int, indices: str | None, sample: int | None, min_firings: int | None) -> FeatureSelection:
    """Make the selection that the options describe."""
    content: dict[str, object] = {"sae": sae, "sample": sample}
    if indices is not None:
        content["indices"] = read_indices(indices)
    if min_firings is not None:
        content["min_firings"] = min_firings
    return parse(FeatureSelection, content, "--features and --sample")


def read_indices(text: str) -> tuple[int, ...]:
    """Read indices and inclusive ranges: "3,17,100-102" is 3, 17, 100, 101, 102."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not first.isdecimal() or (dash and (not last.isdecimal() or int(last) < int(first))):
            raise InvalidInput(f"{part!r} is no index or range; write them like 3,17,100-199")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(found))


def read_scorer(text: str) -> ScorerSpec:
    """Read a scorer with its judge, "detection:lexical", or one that asks no judge, "simulation"."""
    scorer, colon, judge = text.partition(":")
    if not scorer or (colon and not judge):
        raise InvalidInput(f"{text!r} is no scorer; write SCORER:JUDGE, such as detection:lexical")
    return ScorerSpec(name=scorer, judge=PluginSpec(name=judge) if judge else None)
