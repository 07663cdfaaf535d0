import random
from pathlib import Path

import pytest
import torch

from autointerp.domain.specs import CorpusSpec, SaeSpec, SubjectSpec
from autointerp.domain.steering import Change, Mode
from autointerp.subject.corpus import open_corpus
from autointerp.subject.model import load_model
from autointerp.subject.planted import Planted, planted
from autointerp.subject.planted_words import CONCEPT_OF, DEAD, words_of
from autointerp.subject.sae import load_sae
from autointerp.subject.steering import Steering


def activations(subject: Planted, text: str) -> torch.Tensor:
    ids = [0, *subject.model.tokenizer(text).input_ids]
    acts = subject.model.read(torch.tensor([ids]), [subject.dictionary.hook])[subject.dictionary.hook]
    return subject.dictionary.encode(acts)[0, 1:]


def test_every_feature_fires_exactly_where_its_meaning_says(subject: Planted) -> None:
    for _, text in subject.documents[:60]:
        feats = activations(subject, text)
        for feature, meaning in subject.meanings.items():
            assert list(subject.claims(meaning, text)) == (feats[:, feature] > 0).tolist()


def test_the_same_holds_for_words_in_any_order(subject: Planted) -> None:
    chance = random.Random(0)
    for _ in range(20):
        text = " ".join(chance.choices([*CONCEPT_OF, "three dog", "ten cat"], k=60))
        feats = activations(subject, text)
        for feature, meaning in subject.meanings.items():
            assert list(subject.claims(meaning, text)) == (feats[:, feature] > 0).tolist()


def test_no_wrong_explanation_holds_wherever_the_true_one_does(subject: Planted) -> None:
    texts = [text for _, text in subject.documents]
    assert subject.meanings.keys() == subject.wrong.keys()
    for feature, meaning in subject.meanings.items():
        truth = [claim for text in texts for claim in subject.claims(meaning, text)]
        wrong = [claim for text in texts for claim in subject.claims(subject.wrong[feature], text)]
        hits = sum(a and b for a, b in zip(truth, wrong, strict=True))
        assert hits < 0.1 * sum(truth)


def test_the_features_are_of_every_sort(subject: Planted) -> None:
    corpus = subject.corpus(context=64, tokens=20_000)
    rows = corpus.block(0, corpus.rows)
    acts = subject.model.read(torch.tensor(rows.tokens).long(), [subject.dictionary.hook])[subject.dictionary.hook]
    feats = subject.dictionary.encode(acts)[torch.tensor(rows.valid)]
    density = (feats > 0).float().mean(0)

    assert 16 == subject.dictionary.features
    assert 0 == density[DEAD]
    assert density[14] > 0.3
    assert ((density[:14] > 0.01) & (density[:14] < 0.1)).all()
    assert all(len(set(column[column > 0].tolist())) >= 7 for column in feats.T[:14])


def test_every_feature_is_silent_in_many_documents_and_fires_in_many(subject: Planted) -> None:
    assert len(subject.documents) >= 300
    for feature, meaning in subject.meanings.items():
        holding = sum(subject.holds(meaning, text) for _, text in subject.documents)
        assert holding > 60
        assert feature == 14 or holding < 340


def test_an_explanation_in_other_words_claims_what_it_names(subject: Planted) -> None:
    assert subject.holds('fires on "dog" and the weather', "my dog runs")
    assert subject.holds('fires on "dog" and the weather', "rain falls")
    assert not subject.holds('fires on "dog" and the weather', "my cat runs")
    assert subject.holds(subject.meanings[13], "a red hat. three dog runs")
    assert not subject.holds(subject.meanings[13], "three red dog. the cat has ten hat")


@pytest.mark.parametrize("mode", [Mode.ADD, Mode.CLAMP])
@pytest.mark.parametrize("feature", [*range(13), 14])
def test_steering_with_a_feature_fills_the_text_with_its_words(subject: Planted, feature: int, mode: Mode) -> None:
    steer = Steering(subject.model, subject.dictionary)
    prompts = [[0, *subject.model.tokenizer(text).input_ids[:7]] for _, text in subject.documents[:10]]

    def share(change: Change | None) -> float:
        texts = steer.generate_now(prompts, change, tokens=12, temperature=1, seed=0)
        claims = [c for one in texts for c in subject.claims(subject.meanings[feature], "".join(one.pieces))]
        return sum(claims) / len(claims)

    assert share(Change(feature, mode, 10.0)) > min(0.9, share(None) + 0.35)


def test_the_planted_subject_is_the_same_each_time(subject: Planted) -> None:
    again = planted()

    assert subject.documents == again.documents
    assert subject.dictionary.fingerprint == again.dictionary.fingerprint
    assert subject.model.vocabulary == again.model.vocabulary
    ours, theirs = subject.model.module.state_dict(), again.model.module.state_dict()
    assert all(torch.equal(values, theirs[name]) for name, values in ours.items())


def test_saved_to_folders_it_loads_by_the_ordinary_way(subject: Planted, tmp_path: Path) -> None:
    subject.save(tmp_path)

    model = load_model(SubjectSpec(model=str(tmp_path / "model")))
    dictionary = load_sae(SaeSpec(path=str(tmp_path / "sae")), model)
    spec = CorpusSpec(kind="jsonl", path=str(tmp_path / "documents.jsonl"), id_field="id")
    corpus = open_corpus(spec, model, context=64, tokens=5_000)

    assert subject.model.vocabulary == model.vocabulary
    assert subject.model.max_context == model.max_context
    assert subject.dictionary.fingerprint == dictionary.fingerprint
    rows, mine = corpus.block(0, 999), subject.corpus(64, 5_000).block(0, 999)
    assert mine.tokens.tolist() == rows.tokens.tolist()
    assert mine.documents.tolist() == rows.documents.tolist()
    tokens = torch.tensor(rows.tokens[:4]).long()
    hook = dictionary.hook
    assert torch.equal(subject.model.read(tokens, [hook])[hook], model.read(tokens, [hook])[hook])


def test_a_planted_text_is_made_of_the_planted_words(subject: Planted) -> None:
    assert all(word == "." or word in CONCEPT_OF for _, text in subject.documents for word in words_of(text))
