"""The embedding judge compares meanings: of the whole text, or around the marks."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from autointerp.domain.judging import Confidence, Lineup, Passage, Question
from autointerp.errors import InvalidSpec
from autointerp.judges.embedding import Config, Embedding
from autointerp.testing.rehearsal import Scripted, bench
from autointerp.testing.specimen import WordEmbed


class Watched:
    """Embeds words, and keeps the texts."""

    def __init__(self) -> None:
        self.texts: list[list[str]] = []

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts.append(list(texts))
        return await WordEmbed().embed(texts)


async def test_each_text_is_embedded_once_in_one_call() -> None:
    embed = Watched()
    questions = [
        Question("detection", "red", Passage((" red", " sky"))),
        Question("detection", "red", Passage((" no",))),
    ]

    await Embedding(Config(), embed).answer(questions * 3)

    assert embed.texts == [[" no", " red sky", "red"]]


async def test_a_marked_stretch_is_seen_with_its_near_context_only() -> None:
    embed = Watched()
    marks = (False, False, True, True, False, False, True)
    question = Question("fuzzing", "x", Passage(("a", "b", "c", "d", "e", "f", "g"), marks))

    await Embedding(Config(reach=1), embed).answer([question])

    assert set(embed.texts[0]) == {"x", "bcde", "fg"}


async def test_the_confidence_is_the_cosine_and_the_cut_lies_between_the_clusters() -> None:
    texts = (" red", " red red", " sky", " bread and salt")
    answers = await Embedding(Config(), WordEmbed()).answer(
        [Question("detection", "red", Passage((text,))) for text in texts]
    )

    assert [answer.verdict for answer in answers] == [True, True, False, False]
    assert answers[0].confidence == pytest.approx(1.0, abs=1e-6)
    assert answers[0].kind is Confidence.SIMILARITY


async def test_an_instruction_for_the_model_goes_before_the_explanation() -> None:
    embed = Watched()

    await Embedding(Config(query="query: "), embed).answer([Question("detection", "red", Passage((" sky",)))])

    assert embed.texts == [[" sky", "query: red"]]


def test_without_embedding_models_the_judge_says_so_when_it_is_built() -> None:
    from dataclasses import replace

    made = bench(Scripted(), seed=3)

    with pytest.raises(InvalidSpec, match="embedding"):
        replace(made, tools=replace(made.tools, embedders=None)).judge("embedding")


async def test_the_odd_one_out_is_the_farthest_from_the_mean_of_the_others() -> None:
    rng = np.random.default_rng(4)
    words = [f"w{i}" for i in range(12)]
    lineups = [
        Lineup("intruder", tuple(Passage((" ".join(rng.choice(words, size=6)),)) for _ in range(5))) for _ in range(30)
    ]

    picks = await Embedding(Config(), WordEmbed()).pick(lineups)

    for lineup, pick in zip(lineups, picks, strict=True):
        vectors = (await WordEmbed().embed([passage.text for passage in lineup.passages])).astype(np.float64)
        means = [np.delete(vectors, i, axis=0).mean(axis=0) for i in range(5)]
        likeness = [float(v @ m / np.linalg.norm(m)) for v, m in zip(vectors, means, strict=True)]
        first, second = sorted(likeness)[:2]
        assert pick.position == likeness.index(first)
        assert pick.confidence == pytest.approx(second - first, abs=1e-6)
        assert pick.kind is Confidence.SIMILARITY


async def test_of_a_lineup_only_the_near_context_of_the_marks_is_embedded_and_each_text_once() -> None:
    embed = Watched()
    passages = tuple(
        Passage(("a", "b", word, "d", "e"), (False, False, True, False, False)) for word in ("x", "y", "y")
    )

    await Embedding(Config(reach=1), embed).pick([Lineup("intruder", passages, "x or z")] * 2)

    assert embed.texts == [["bxd", "byd", "x or z"]]
