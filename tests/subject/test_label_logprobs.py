"""The log-probability of a label in a blank is that of one plain forward pass up to it, whatever is read beside it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from autointerp.domain.likelihood import Cloze, LabelLogProbs
from autointerp.errors import InvalidModel
from autointerp.prompts import PromptLibrary, default_folder
from autointerp.scorers._reading import LABELS, blanked
from autointerp.subject.logprob import LocalLogProb
from autointerp.subject.model import SubjectModel
from autointerp.subject.planted import Planted, planted

EXPLAINED = 'Names of animals, such as "dog" or "cat".\nText:\n'
DIGITS = [
    Cloze(EXPLAINED + '" big"\t0\n', ('" A"\t', '\n" dog"\t', '\n" sat"\t', ""), "?"),
    Cloze(EXPLAINED + '" big"\t0\n', ('" The"\t', '\n" 9"\t', '\n"\\n"\t', '\n"."\t', "\n"), "?"),
    Cloze(EXPLAINED, ('" one"\t', ""), "?"),
    Cloze(EXPLAINED, ("no blank at all",), "?"),
    Cloze("", ('" A"\t3\n" dog"\t9\n" and"\t0\n" cat"\t', '\n" sat"\t', ""), "?"),
    Cloze(EXPLAINED + '" big"\t0\n', ('" A"\t', '\n" dog"\t', '\n" sat"\t', ""), "?"),
]
# The planted model knows whole words only, each with the space before it.
WORDS = [
    Cloze("the dog sees a cat and the dog", (" likes the", " and a", " with a red", "."), " cat"),
    Cloze("the dog sees a cat and the dog", (" likes every", ""), " cat"),
    Cloze("the dog sees a", (" red", " in the garden"), " bread"),
    Cloze("the dog", (" sees bread",), " cat"),
    Cloze("", ("the fox has a", ""), " cat"),
]


def asked_of(model: SubjectModel) -> tuple[list[Cloze], tuple[str, ...]]:
    return (WORDS, (" dog", " cat", " bread", " red")) if model.name == "planted" else (DIGITS, LABELS)


def by_hand(model: SubjectModel, cloze: Cloze, labels: Sequence[str]) -> list[list[float]]:
    """One forward pass a blank over the text before it, with the softmax over the whole vocabulary."""

    def ids(text: str) -> list[int]:
        return [model.tokenizer.bos_token_id, *model.tokenizer(text, add_special_tokens=False).input_ids]

    rows = []
    for blank in range(1, len(cloze.parts)):
        before = cloze.prefix + cloze.mark.join(cloze.parts[:blank])
        with torch.no_grad():
            logits = model.module(torch.tensor([ids(before)]), use_cache=False).logits[0, -1]
        logprobs = logits.double().log_softmax(0)
        continued = [ids(before + label) for label in labels]
        assert all(one[:-1] == ids(before) for one in continued)
        rows.append([float(logprobs[one[-1]]) for one in continued])
    return rows


def flat(read: Sequence[LabelLogProbs]) -> list[float]:
    return [value for one in read for blank in one for value in blank]


@pytest.mark.parametrize("batch", [1, 60, 10_000])
def test_it_is_that_of_one_plain_pass_a_blank_whatever_the_batch(model: SubjectModel, batch: int) -> None:
    asked, labels = asked_of(model)
    expected = [by_hand(model, one, labels) for one in asked]

    found = LocalLogProb(model, batch=batch).label_logprobs_now(asked, labels)

    assert [len(one.parts) - 1 for one in asked] == [len(one) for one in found]
    for one, rows in zip(found, expected, strict=True):
        assert [list(row) for row in one] == [pytest.approx(row, abs=1e-4, rel=1e-5) for row in rows]


def test_the_whole_prompt_in_one_pass_gives_what_a_pass_a_token_gives(roomy: SubjectModel) -> None:
    library, texts = PromptLibrary.load(default_folder()), ([" def", " f", "(", "x", ")", ":", "\n"], [" return", " x"])
    values = [{"explanation": "Names of functions.", "pieces": list(pieces)} for pieces in texts]
    asked = [blanked(library.render("scorers/simulation_echo", one), len(one["pieces"])) for one in values]
    expected = [value for one in asked for row in by_hand(roomy, one, LABELS) for value in row]

    found = LocalLogProb(roomy).label_logprobs_now(asked, LABELS)

    assert [7, 2] == [len(one) for one in found]
    assert flat(found) == pytest.approx(expected, abs=1e-4, rel=1e-5)


def test_a_text_alone_has_the_values_that_it_has_in_company(model: SubjectModel) -> None:
    asked, labels = asked_of(model)
    reader = LocalLogProb(model)

    alone = [reader.label_logprobs_now([one], labels)[0] for one in asked]

    assert flat(reader.label_logprobs_now(asked, labels)) == pytest.approx(flat(alone), abs=1e-4, rel=1e-5)


def test_the_order_changes_not_one_bit_and_neither_does_a_call_before(model: SubjectModel) -> None:
    asked, labels = asked_of(model)
    reader = LocalLogProb(model, batch=60)

    first = reader.label_logprobs_now(asked, labels)

    assert first == reader.label_logprobs_now(asked, labels)
    assert first == reader.label_logprobs_now(asked[::-1], labels)[::-1]
    turned = reader.label_logprobs_now(asked, labels[::-1])
    assert first == [tuple(row[::-1] for row in one) for one in turned]


def test_what_all_texts_begin_with_is_read_once_and_nothing_behind_the_last_mark(roomy: SubjectModel) -> None:
    fed: list[int] = []
    handle = roomy.module.get_input_embeddings().register_forward_hook(lambda _m, args, _o: fed.append(args[0].numel()))
    asked = [
        Cloze(EXPLAINED, (f'" {word}"\t', '\n" x"\t', " behind" * behind), "?") for word, behind in (("a", 0), ("b", 9))
    ]
    LocalLogProb(roomy).label_logprobs_now(asked, LABELS)
    handle.remove()

    encode = roomy.tokenizer
    whole = [1 + len(encode(one.prefix + "?".join(one.parts[:2])).input_ids) for one in asked]
    assert 2 == len(fed)
    assert fed[0] > 10
    assert fed[1] == 2 * (max(whole) - fed[0])


def test_a_prefix_that_does_not_fit_is_cut_at_its_front(roomy: SubjectModel) -> None:
    text = ('" A"\t', '\n" dog"\t', "")
    encode, bos = roomy.tokenizer, roomy.tokenizer.bos_token_id
    short = replace(roomy, max_context=256)
    long = Cloze("the first thing is that a dog sat\n" * 60, text, "?")
    ids = encode(long.prefix + "?".join(text)).input_ids
    assert len(ids) > 256
    with torch.no_grad():
        logits = roomy.module(torch.tensor([[bos, *ids[-255:-1]]])).logits[0, -1].double().log_softmax(0)
    expected = [float(logits[encode(label).input_ids[0]]) for label in LABELS]

    found = LocalLogProb(short).label_logprobs_now([long], LABELS)

    assert list(found[0][1]) == pytest.approx(expected, abs=1e-3)


async def test_it_runs_in_the_thread_of_its_device(subject: Planted) -> None:
    reader = LocalLogProb(subject.model)
    asked, labels = asked_of(subject.model)

    assert reader.label_logprobs_now(asked, labels) == await reader.label_logprobs(asked, labels)


def test_a_label_that_cannot_stand_there_is_impossible_and_leaves_the_others_as_they_were() -> None:
    model = planted().model
    labels = (" dog", " cat", " bread")
    dog = model.tokenizer.convert_tokens_to_ids("▁dog")
    head = model.module.get_output_embeddings()
    handle = head.register_forward_hook(lambda _m, _a, out: out.index_fill(-1, torch.tensor([dog]), -torch.inf))
    found = LocalLogProb(model).label_logprobs_now(WORDS[:1], labels)
    handle.remove()

    for row in found[0]:
        assert row[0] == -torch.inf
        assert all(-30 < value < 0 for value in row[1:])


def test_a_model_that_overflows_is_refused() -> None:
    model = planted().model
    with torch.no_grad():
        model.module.get_parameter("lm_head.weight").mul_(torch.inf)

    with pytest.raises(InvalidModel, match="planted gives log-probabilities that are no numbers; load it in float32"):
        LocalLogProb(model).label_logprobs_now(WORDS, (" dog",))


def test_nothing_asked_is_nothing_read(subject: Planted) -> None:
    assert [] == LocalLogProb(subject.model).label_logprobs_now([], LABELS)
