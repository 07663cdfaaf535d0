"""A log-probability is that of a plain loop over tokens, whatever is read beside it."""

from collections.abc import Sequence

import pytest
import torch

from autointerp import demo
from autointerp.domain.likelihood import Continuation
from autointerp.errors import InvalidModel
from autointerp.subject.boundary import Cut, cutter
from autointerp.subject.logprob import LocalLogProb, open_logprob
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted, planted

DEMO = str(demo.MODEL)
SHARED = "Once upon a time there was a dog, and it sees a red cat in the garden.\nThe dog likes bread.\n"
ASKED = [
    Continuation(SHARED + "Two:\n", " dogs and a cat"),
    Continuation(SHARED + "Two:\n", " the"),
    Continuation(SHARED + "One:\n", " dogs and a cat"),
    Continuation(SHARED, "def main(x):\n    return x + 1, and so on, and so on until the end of it all"),
    Continuation(SHARED + "Two:\n", ""),
    Continuation(SHARED + "Two:\n", " dogs and a cat"),
]


def by_hand(model: SubjectModel, cut: Cut) -> float:
    """One forward pass a token, over all that stands before it."""
    total = 0.0
    for place in range(cut.before, len(cut.ids)):
        with torch.no_grad():
            logits = model.module(torch.tensor([cut.ids[:place]]), use_cache=False).logits[0, -1]
        total += float(logits.double().log_softmax(0)[cut.ids[place]])
    return total


def values(reader: LocalLogProb, asked: Sequence[Continuation]) -> list[float]:
    found = [one.logprob for one in reader.logprobs_now(asked)]
    assert None not in found
    return [value for value in found if value is not None]


@pytest.mark.parametrize("batch", [1, 60, 10_000])
def test_it_is_that_of_a_plain_loop_whatever_the_batch(model: SubjectModel, batch: int) -> None:
    expected = [by_hand(model, cut) for cut in cutter(model)(ASKED)]

    found = values(LocalLogProb(model, batch=batch), ASKED)

    assert found == pytest.approx(expected, abs=1e-3, rel=1e-5)
    assert found[4] == 0.0
    assert all(value < 0 for value in found[:4])


def test_a_text_alone_has_the_value_that_it_has_in_company(model: SubjectModel) -> None:
    reader = LocalLogProb(model)

    alone = [values(reader, [one])[0] for one in ASKED]

    assert values(reader, ASKED) == pytest.approx(alone, abs=1e-3, rel=1e-5)


def test_the_order_changes_not_one_bit_and_neither_does_a_call_before(model: SubjectModel) -> None:
    reader = LocalLogProb(model, batch=60)

    first = values(reader, ASKED)

    assert first == values(reader, ASKED)
    assert first == values(reader, ASKED[::-1])[::-1]


def test_what_all_texts_begin_with_is_read_once(stories: SubjectModel) -> None:
    fed: list[int] = []
    handle = stories.module.get_input_embeddings().register_forward_hook(
        lambda _m, args, _o: fed.append(args[0].numel())
    )
    LocalLogProb(stories, batch=10_000).logprobs_now(ASKED)
    handle.remove()

    cuts = cutter(stories)(ASKED)
    beginning = fed[0]
    assert 2 == len(fed)
    assert beginning > 20
    rows = {cut for cut in cuts if len(cut.ids) > cut.before}
    assert fed[1] == len(rows) * (max(len(cut.ids) for cut in rows) - beginning - 1)


def test_the_tokens_of_the_text_are_counted(stories: SubjectModel) -> None:
    found = LocalLogProb(stories).logprobs_now(ASKED)

    assert [len(cut.ids) - cut.before for cut in cutter(stories)(ASKED)] == [one.tokens for one in found]
    assert (0.0, 0) == (found[4].logprob, found[4].tokens)


def test_nothing_asked_is_nothing_read(stories: SubjectModel) -> None:
    assert [] == LocalLogProb(stories).logprobs_now([])


def test_the_likelier_text_has_the_larger_value(subject: Planted) -> None:
    likely, odd = values(
        LocalLogProb(subject.model), [Continuation("the", " dog sees the"), Continuation("the", " <unk> <unk> <unk>")]
    )

    assert likely > odd


async def test_it_runs_in_the_thread_of_its_device(subject: Planted) -> None:
    reader = LocalLogProb(subject.model)

    assert reader.logprobs_now(ASKED) == await reader.logprobs(ASKED, prompt=None)


def test_a_model_is_opened_by_folder_in_float32_and_kept() -> None:
    reader = open_logprob(DEMO, device="cpu")

    assert reader is open_logprob(DEMO, device="cpu")
    assert torch.float32 == next(reader.model.module.parameters()).dtype


def test_a_missing_model_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidModel, match="cannot load the model 'nobody/nothing-here'"):
        open_logprob("nobody/nothing-here", device="cpu")


def test_a_model_that_overflows_is_refused() -> None:
    model = planted().model
    with torch.no_grad():
        model.module.get_parameter("lm_head.weight").mul_(torch.inf)

    with pytest.raises(InvalidModel, match="planted gives log-probabilities that are no numbers; load it in float32"):
        LocalLogProb(model).logprobs_now(ASKED)
