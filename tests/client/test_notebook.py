"""A feature as a notebook shows it."""

from autointerp.api.schemas.features import FeaturePage
from autointerp.client import Client
from tests.api.seed import Seeded


def test_a_feature_is_one_line(client: Client, seeded: Seeded) -> None:
    feature = client.features.get(seeded.features[4])
    assert repr(feature).startswith("<feature 4 of SAE")
    assert "4.000% of the tokens" in repr(feature)
    assert "\n" not in repr(feature)


def test_its_examples_are_coloured_by_activation(client: Client, seeded: Seeded) -> None:
    shown = client.features.get(seeded.features[4])._repr_html_()
    assert "<summary>explain: " in shown
    assert 'title="50%"' in shown  # an activation of 2 where the strongest is 4


def test_text_of_the_corpus_is_no_markup(client: Client, seeded: Seeded) -> None:
    page = client.features.get(seeded.features[4])
    window = page.groups[0].examples[0]
    evil = window.model_copy(update={"pieces": ["<script>alert(1)</script>"], "activations": [1.0]})
    group = page.groups[0].model_copy(update={"examples": [evil]})
    shown = FeaturePage.model_copy(page, update={"groups": [group], "top_tokens": ["<img src=x>"]})._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown


def test_a_dead_feature_has_no_colour(client: Client, seeded: Seeded) -> None:
    assert "rgba" not in client.features.get(seeded.features[0])._repr_html_()
