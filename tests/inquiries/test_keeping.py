"""Answers are kept for a while, and a question that no worker survives is given up."""

from datetime import timedelta

from fastapi.testclient import TestClient

from autointerp.domain.inquiries import InquiryKind, TokensWanted
from autointerp.jobs import tasks
from autointerp.jobs.clearing import clear_inquiries
from autointerp.pipeline.inquiries.answering import ATTEMPTS, answer
from autointerp.storage import inquiries
from autointerp.storage.inquiries import InquiryState
from autointerp.storage.records import HarvestRecord
from tests.inquiries.conftest import PromptQueue
from tests.pipeline.world import World


async def test_what_is_over_is_forgotten_with_its_job_and_the_rest_is_kept(
    world: World, harvest: HarvestRecord, queue: PromptQueue
) -> None:
    queue.rests = True
    asked = TokensWanted(model_id=harvest.model_id, text="a").model_dump(mode="json")
    with world.desk.database.write() as session:
        over = inquiries.create(session, InquiryKind.TOKENS, asked, keep=timedelta(seconds=-1))
        kept = inquiries.create(session, InquiryKind.TOKENS, asked, keep=timedelta(hours=1))
    for one in (over, kept):
        tasks.submit_inquiry(queue, one.id)

    clear_inquiries(world.desk.database, queue)

    assert [len(queue.status(tasks.inquiry_prefix(one.id))) for one in (over, kept)] == [0, 1]
    with world.desk.database.read() as session:
        assert inquiries.expired(session, limit=10) == ()
        assert inquiries.get(session, InquiryKind.TOKENS, kept.id).state is InquiryState.WAITING


async def test_a_question_that_no_worker_survives_is_given_up(
    world: World, harvest: HarvestRecord, client: TestClient
) -> None:
    asked = TokensWanted(model_id=harvest.model_id, text="a").model_dump(mode="json")
    with world.desk.database.write() as session:
        made = inquiries.create(session, InquiryKind.TOKENS, asked, keep=timedelta(hours=1))
        for _ in range(ATTEMPTS):  # each by a worker that died
            inquiries.begin(session, made.id)

    await answer(world.counter, made.id)

    shown = client.get(f"/v1/tokens/{made.id}").json()
    assert (shown["state"], shown["result"]) == ("failed", None)
    assert "their logs say more" in shown["error"]
