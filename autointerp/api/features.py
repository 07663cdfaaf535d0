"""Features: lists with filters, and pages with statistics and examples."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from autointerp.api.caching import keep
from autointerp.api.formats import streamed
from autointerp.api.listing import Listed
from autointerp.api.paging import Page
from autointerp.api.parts import MOST, Id, Stored
from autointerp.api.problems import documented
from autointerp.api.reading import Reading
from autointerp.api.schemas.features import SHOWN_TOKENS, Feature, FeaturePage
from autointerp.domain.examples import Example, Split
from autointerp.errors import InvalidInput, NotFound
from autointerp.storage import examples, features, harvests
from autointerp.storage.engine import ReadSession
from autointerp.storage.records import FeatureFilter, FeatureOrder, FeatureRow, HarvestState

MOST_INDEX = 2**31 - 1
router = APIRouter(tags=["features"], route_class=Reading)
Splits = Annotated[
    list[Split] | None,
    Query(description="whose examples to show, repeated for several; the explain split if not given"),
]
Index = Annotated[int, Path(ge=0, le=MOST_INDEX)]
OfHarvest = Annotated[str | None, Query(description="as this harvest saw it; the newest finished one if not given")]


@dataclass(frozen=True)
class Filters:
    """Which features to list."""

    harvest_id: Annotated[str | None, Query(description="as this harvest saw them")] = None
    sae_id: Annotated[
        int | None, Query(ge=1, le=MOST, description="of this SAE; its newest finished harvest if none is given")
    ] = None
    start: Annotated[int | None, Query(ge=0, le=MOST_INDEX, description="from this index on")] = None
    stop: Annotated[int | None, Query(ge=0, le=MOST_INDEX, description="before this index")] = None
    min_density: Annotated[float | None, Query(ge=0, le=1)] = None
    max_density: Annotated[float | None, Query(ge=0, le=1)] = None
    min_firings: Annotated[int | None, Query(ge=0, le=MOST)] = None
    explained: Annotated[bool | None, Query(description="with an explanation, or without one")] = None
    text: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="an explanation has all of these words, as in a search"),
    ] = None


@router.get("/features", response_model=Page[Feature], responses=streamed(Feature) | documented(NotFound))
def list_features(
    database: Stored,
    listing: Listed,
    filters: Annotated[Filters, Depends()],
    order: Annotated[FeatureOrder, Query(description="by index, or from the largest value")] = FeatureOrder.INDEX,
) -> Page[Feature] | Response:
    """List the features of a harvest or an SAE that pass the filters."""
    with database.read() as session:
        chosen = _filter(session, filters)

    def read(session: ReadSession, after: int | None, limit: int) -> tuple[FeatureRow, ...]:
        return features.list_features(session, chosen, order=order, after=after, limit=limit, tokens=SHOWN_TOKENS)

    return listing.by_number(database, read, key=lambda row: row.id, record=Feature, show=Feature.of)


@router.get("/features/{feature_id}", responses=documented(NotFound))
def get_feature(
    database: Stored, response: Response, feature_id: Id, harvest_id: OfHarvest = None, split: Splits = None
) -> FeaturePage:
    """Show a feature with its statistics, and its examples in the splits asked for."""
    with database.read() as session:
        _keep_finished(session, harvest_id, response)
        if harvest_id is None:
            row = features.newest(session, feature_id)
        else:
            row = features.get(session, harvest_id, feature_id)
        return FeaturePage.with_examples(row, _examples(session, row, split))


@router.get("/saes/{sae_id}/features/{index}", responses=documented(NotFound))
def get_feature_of_sae(
    database: Stored,
    response: Response,
    sae_id: Id,
    index: Index,
    harvest_id: OfHarvest = None,
    split: Splits = None,
) -> FeaturePage:
    """Show a feature by its index in an SAE."""
    with database.read() as session:
        _keep_finished(session, harvest_id, response)
        row = features.get_by_index(session, harvest_id or _newest_harvest(session, sae_id), sae_id, index)
        return FeaturePage.with_examples(row, _examples(session, row, split))


def _filter(session: ReadSession, filters: Filters) -> FeatureFilter:
    harvest_id = filters.harvest_id
    if harvest_id is not None:
        harvests.get(session, harvest_id)
    elif filters.sae_id is not None:
        harvest_id = _newest_harvest(session, filters.sae_id)
    else:
        raise InvalidInput("say whose features: pass harvest_id or sae_id")
    return FeatureFilter(
        harvest_id=harvest_id,
        sae_id=filters.sae_id,
        start=filters.start,
        stop=filters.stop,
        min_density=filters.min_density,
        max_density=filters.max_density,
        min_firings=filters.min_firings,
        explained=filters.explained,
        text=filters.text,
    )


def _keep_finished(session: ReadSession, harvest_id: str | None, response: Response) -> None:
    """What a finished harvest measured never changes; which harvest is the newest does."""
    if harvest_id is not None and harvests.get(session, harvest_id).state is HarvestState.FINISHED:
        keep(response)


def _newest_harvest(session: ReadSession, sae_id: int) -> str:
    found = harvests.newest(session, sae_id)
    if found is None:
        raise NotFound(f"there is no finished harvest of an SAE {sae_id}; list SAEs with GET /v1/saes")
    return found.id


def _examples(session: ReadSession, row: FeatureRow, splits: list[Split] | None) -> list[Example]:
    wanted = [split for split in Split if split in (splits or (Split.EXPLAIN,))]
    return [window for split in wanted for window in examples.load(session, row.harvest_id, row.id, split)]
