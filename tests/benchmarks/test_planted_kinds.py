"""The planted subject of the scorer benchmark does what its truth says, at every token of every document."""

from collections import Counter

import pytest
import torch

from autointerp.subject import model as subject_model
from autointerp.subject.planted_weights import build_tokenizer
from benchmarks.planted.claims import Claim, words_of
from benchmarks.planted.documents import documents
from benchmarks.planted.features import Departure, Sort, explanations, features
from benchmarks.planted.reader import claims
from benchmarks.planted.truth import rightness
from benchmarks.planted.vocabulary import CLASSES, NOUNS, OUTLINE, WORDS
from benchmarks.planted.weights import CONTEXT, HOOK, build_model, build_sae

LIVE = [i for i, feature in enumerate(features()) if feature.fires]


def test_features_fire_exactly_where_their_truth_says() -> None:
    tokenizer = build_tokenizer(WORDS)
    model = subject_model.wrap(
        build_model(tokenizer), tokenizer, name="kinds", revision=None, dtype="float32", device="cpu"
    )
    sae = build_sae()
    fired: Counter[int] = Counter()
    for _, text in documents(60, seed=1):
        words = words_of(text)[: CONTEXT - 1]
        tokens = torch.tensor([[0, *tokenizer.convert_tokens_to_ids([w if w == "." else f"▁{w}" for w in words])]])
        acts = sae.encode(model.read(tokens, [HOOK])[HOOK])[0, 1:] > 0
        for index, feature in enumerate(features()):
            told = Claim(feature.fires).holds(words)
            assert acts[:, index].tolist() == told, (index, feature, text)
            fired[index] += sum(told)
    assert {feature.sort for i, feature in enumerate(features()) if fired[i]} >= set(Sort) - {Sort.RARE, Sort.DEAD}


def test_every_kind_is_there_and_every_word_stands_for_one_thing() -> None:
    assert len(features()) >= 100
    assert {feature.sort for feature in features()} == set(Sort)
    counted = Counter(word for words in (*CLASSES.values(), NOUNS, OUTLINE) for word in words)
    assert {word for word, count in counted.items() if count > 1} == set()


def test_explanations_differ_and_depart_as_they_say() -> None:
    for index in LIVE:
        texts = [claim.text for claim in explanations(index).values()]
        assert len(set(texts)) == len(Departure), texts
    assert all(claims()[claim.text] == claim for i in LIVE for claim in explanations(i).values())


@pytest.mark.parametrize("sort", [Sort.CLASS, Sort.TOKEN, Sort.CONTEXT, Sort.POLYSEMANTIC])
def test_the_truth_is_right_and_departures_are_not(sort: Sort) -> None:
    index = next(i for i in LIVE if features()[i].sort is sort)
    right = {departure: rightness(index, departure) for departure in Departure}

    assert right[Departure.TRUE].f1 == 1.0
    broad, narrow = right[Departure.BROAD], right[Departure.NARROW]
    assert broad.both == broad.fires < broad.claimed
    assert narrow.both == narrow.claimed < narrow.fires
    assert max(right[Departure.SHUFFLED].f1, right[Departure.WRONG].f1) < 0.35
