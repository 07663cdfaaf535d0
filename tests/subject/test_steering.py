import asyncio
import itertools
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from autointerp.domain.steering import Change, Mode
from autointerp.errors import InvalidModel, InvalidSpec
from autointerp.subject.model import SubjectModel, wrap
from autointerp.subject.planted import Planted
from autointerp.subject.quiet import unwarned
from autointerp.subject.sae import Dictionary
from autointerp.subject.sae import wrap as wrap_sae
from autointerp.subject.steering import KEPT, Steering, divergence

with unwarned():
    from sae_lens import TopKSAE, TopKSAEConfig

PROMPTS = [[1, 403, 307], [1, 410, 293, 290, 271, 304, 298], [1], [1, 371, 268, 410, 293], [1, 403, 308]]
ADD, CLAMP, ABLATE = Mode.ADD, Mode.CLAMP, Mode.ABLATE


def topk_dictionary(model: SubjectModel, hook: str) -> Dictionary:
    """An SAE that rebuilds its input badly, so that the part it does not explain matters."""
    torch.manual_seed(0)
    sae = TopKSAE(TopKSAEConfig(d_in=model.width, d_sae=128, k=8))
    sae.W_enc.data += torch.randn_like(sae.W_enc) / 10
    sae.W_dec.data *= torch.linspace(0.5, 2, 128)[:, None]
    return wrap_sae(sae, model, hook=hook, name="random", source={})


@pytest.fixture(scope="module", params=["llama", "llama input", "gpt2"])
def steering(request: pytest.FixtureRequest, stories: SubjectModel) -> tuple[Steering, SubjectModel, Dictionary]:
    if request.param == "gpt2":
        torch.manual_seed(1)
        config = GPT2Config(vocab_size=512, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3)
        module = GPT2LMHeadModel(config)
        model = wrap(module, stories.tokenizer, name="gpt2", revision=None, dtype="float32", device="cpu")
        dictionary = topk_dictionary(model, "blocks.0.hook_resid_post")
    else:
        model = stories
        dictionary = topk_dictionary(model, "blocks.2.hook_resid_" + ("pre" if "input" in request.param else "post"))
    return Steering(model, dictionary), model, dictionary


Case = tuple[Steering, SubjectModel, Dictionary]


def last_activations(model: SubjectModel, dictionary: Dictionary, prompt: Sequence[int]) -> torch.Tensor:
    acts = model.read(torch.tensor([list(prompt)]), [dictionary.hook])[dictionary.hook]
    return dictionary.encode(acts)[0, -1]


def logits(steering: Steering, change: Change | None, prompts: Sequence[Sequence[int]] = PROMPTS) -> torch.Tensor:
    return steering.next_logits(prompts, change)


def test_clean_logits_are_those_of_the_model_one_prompt_at_a_time(steering: Case) -> None:
    steer, model, _ = steering

    alone = torch.stack([model.module(torch.tensor([prompt])).logits[0, -1] for prompt in PROMPTS])

    torch.testing.assert_close(logits(steer, None), alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", [None, Change(5, ADD, 3.0), Change(9, CLAMP, 5.0)])
def test_prompts_are_read_after_a_bos_token_as_the_harvest_reads(steering: Case, change: Change | None) -> None:
    steer, _, _ = steering
    bare = [prompt[1:] for prompt in PROMPTS if len(prompt) > 1]
    begun = [[1, *prompt] for prompt in bare]

    assert torch.equal(logits(steer, change, begun), logits(steer, change, bare))
    written = [steer.generate_now(prompts, change, tokens=5, temperature=0, seed=0) for prompts in (begun, bare)]
    assert written[0] == written[1]


def test_where_the_tokenizer_has_no_bos_token_a_prompt_is_read_as_it_is(stories: SubjectModel) -> None:
    tokenizer = deepcopy(stories.tokenizer)
    tokenizer.bos_token = None
    model = replace(stories, tokenizer=tokenizer)
    steer = Steering(model, topk_dictionary(model, "blocks.2.hook_resid_post"))

    alone = stories.module(torch.tensor([[403, 307]])).logits[:, -1]

    torch.testing.assert_close(logits(steer, None, [[403, 307]]), alone, rtol=1e-4, atol=1e-4)


def test_adding_nothing_changes_nothing(steering: Case) -> None:
    steer, _, _ = steering

    assert torch.equal(logits(steer, None), logits(steer, Change(5, ADD, 0.0)))
    assert [0.0] * 5 == steer.kl_now(PROMPTS, Change(5, ADD, 0.0))


def test_clamping_a_feature_to_its_own_value_changes_nothing(steering: Case) -> None:
    steer, model, dictionary = steering
    feats = last_activations(model, dictionary, PROMPTS[1])
    feature = int(feats.argmax())

    found = logits(steer, Change(feature, CLAMP, float(feats[feature])), PROMPTS[1:2])

    assert feats[feature] > 0
    torch.testing.assert_close(logits(steer, None, PROMPTS[1:2]), found, rtol=1e-5, atol=1e-5)


def test_ablating_a_silent_feature_changes_nothing_and_a_firing_one_something(steering: Case) -> None:
    steer, model, dictionary = steering
    feats = last_activations(model, dictionary, PROMPTS[1])
    silent, firing = int((feats == 0).nonzero()[0]), int(feats.argmax())
    clean = logits(steer, None, PROMPTS[1:2])

    assert torch.equal(clean, logits(steer, Change(silent, ABLATE, 9.0), PROMPTS[1:2]))
    assert not torch.allclose(clean, logits(steer, Change(firing, ABLATE, 9.0), PROMPTS[1:2]), atol=1e-4)


def test_ablating_is_clamping_to_zero_is_adding_minus_the_activation(steering: Case) -> None:
    steer, model, dictionary = steering
    feats = last_activations(model, dictionary, PROMPTS[1])
    feature = int(feats.argmax())

    ablated = logits(steer, Change(feature, ABLATE, 0.0), PROMPTS[1:2])

    assert torch.equal(ablated, logits(steer, Change(feature, CLAMP, 0.0), PROMPTS[1:2]))
    added = logits(steer, Change(feature, ADD, -float(feats[feature])), PROMPTS[1:2])
    torch.testing.assert_close(ablated, added, rtol=1e-4, atol=1e-4)


def test_a_change_touches_the_last_position_alone_and_keeps_what_the_sae_does_not_explain(
    stories: SubjectModel,
) -> None:
    dictionary = topk_dictionary(stories, "blocks.2.hook_resid_post")
    steer = Steering(stories, dictionary)
    seen: list[torch.Tensor] = []
    prompt = PROMPTS[1:2]

    # The next layer's input is what the change has made of the hook point's output.
    part = stories.module.get_submodule("model.layers.3")
    handle = part.register_forward_pre_hook(lambda _part, args: seen.append(args[0].clone()))
    for change in (None, Change(7, CLAMP, 4.0)):
        steer.next_logits(prompt, change)
    handle.remove()

    difference = seen[1] - seen[0]
    value = dictionary.encode(seen[0])[0, -1, 7]
    assert torch.equal(torch.zeros_like(difference[:, :-1]), difference[:, :-1])
    torch.testing.assert_close(difference[0, -1], (4.0 - value) * dictionary.directions[7], rtol=1e-4, atol=1e-5)


def test_kl_rises_with_strength(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    prompts = [subject.model.tokenizer(text).input_ids[:9] for _, text in subject.documents[:5]]

    by_strength = [steer.kl_now(prompts, Change(3, ADD, strength)) for strength in (0, 1, 2, 4, 8, 16)]

    for weaker, stronger in itertools.pairwise(by_strength):
        assert all(0 <= a < b for a, b in zip(weaker, stronger, strict=True))


def test_the_clean_distributions_of_the_same_prompts_are_computed_once(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    passes: list[int] = []
    handle = subject.model.module.register_forward_hook(lambda *_: passes.append(1))

    found = [steer.kl_now([[0, 5], [0, 7, 9]], Change(3, ADD, strength)) for strength in (1, 2, 4)]
    handle.remove()

    assert len(passes) == 1 + 3
    for strength, values in zip((1, 2, 4), found, strict=True):
        assert values == Steering(subject.model, subject.dictionary).kl_now(
            [[0, 5], [0, 7, 9]], Change(3, ADD, strength)
        )


def test_only_the_last_few_clean_distributions_are_kept(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    change = Change(3, ADD, 2.0)
    first = steer.kl_now([[0, 5]], change)
    for token in range(10, 10 + 2 * KEPT):
        steer.kl_now([[0, token]], change)
    passes: list[int] = []
    handle = subject.model.module.register_forward_hook(lambda *_: passes.append(1))

    again = steer.kl_now([[0, 5]], change)
    handle.remove()

    assert again == first
    assert len(passes) == 2


def test_divergence_is_that_of_the_distributions() -> None:
    p, q = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0.25, 0.5, 0.25]])

    torch.testing.assert_close(torch.tensor([0.25 * 0.6931471805599453]).double(), divergence(p.log() + 3, q.log()))


@pytest.mark.parametrize("change", [None, Change(5, ADD, 3.0), Change(9, CLAMP, 5.0)])
def test_a_batch_of_different_lengths_continues_as_each_prompt_alone_without_a_cache(
    steering: Case, change: Change | None
) -> None:
    steer, model, dictionary = steering

    together = steer.generate_now(PROMPTS, change, tokens=6, temperature=0, seed=0)

    for prompt, steered in zip(PROMPTS, together, strict=True):
        assert steered.pieces == model.vocabulary.render(by_hand(model, dictionary, prompt, change))


def by_hand(model: SubjectModel, dictionary: Dictionary, prompt: list[int], change: Change | None) -> list[int]:
    """Greedy tokens by whole forward passes over the text so far, with every changed position changed again."""
    path = dictionary.hook.removesuffix(".input")
    part = model.module.get_submodule(path)
    new: list[int] = []

    def edit(acts: torch.Tensor) -> torch.Tensor:
        if change is None:
            return acts
        out = acts.clone()
        for position in range(len(prompt) - 1, acts.shape[1]):
            value = dictionary.encode(acts[:, position])[:, change.feature]
            amount = torch.tensor([change.strength]) - (0 if change.mode is ADD else value)
            out[:, position] += amount[:, None] * dictionary.directions[change.feature]
        return out

    if path == dictionary.hook:
        handle = part.register_forward_hook(
            lambda _p, _a, out: edit(out) if torch.is_tensor(out) else (edit(out[0]), *out[1:])
        )
    else:
        handle = part.register_forward_pre_hook(lambda _p, args: (edit(args[0]), *args[1:]))
    with torch.no_grad():
        for _ in range(6):
            found = model.module(torch.tensor([prompt + new]), use_cache=False).logits[0, -1]
            found[sorted(model.vocabulary.special)] = -torch.inf
            new.append(int(found.argmax()))
    handle.remove()
    return new


def test_the_same_seed_gives_the_same_text_and_another_seed_another(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)

    first = steer.generate_now([[0], [0]], None, tokens=20, temperature=1, seed=3)

    assert first == steer.generate_now([[0], [0]], None, tokens=20, temperature=1, seed=3)
    assert first != steer.generate_now([[0], [0]], None, tokens=20, temperature=1, seed=4)
    assert first[0] != first[1]


def test_a_prompt_s_text_does_not_depend_on_the_prompts_beside_it(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    alone = steer.generate_now([[0, 5, 9]], None, tokens=12, temperature=1, seed=3)

    assert alone[0] == steer.generate_now([[0, 5, 9], [0], [0, 7]], None, tokens=12, temperature=1, seed=3)[0]


def test_sampling_follows_the_distribution(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    expected = steer.next_logits([[0]], None)[0]
    expected[sorted(subject.model.vocabulary.special)] = -torch.inf

    drawn = steer.generate_now([[0]] * 3000, None, tokens=1, temperature=1, seed=0)

    pieces = [steered.pieces[0] for steered in drawn]
    for token in (expected.argmax(), torch.tensor(40)):
        share = pieces.count(subject.model.vocabulary.piece(int(token))) / 3000
        assert share == pytest.approx(float(expected.softmax(0)[token]), abs=0.015)


def test_special_tokens_are_never_generated(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)

    texts = steer.generate_now([[0]] * 40, None, tokens=60, temperature=8, seed=0)

    assert not [piece for steered in texts for piece in steered.pieces if "<" in piece]


def test_the_kl_of_a_continuation_is_that_of_its_first_token(steering: Case) -> None:
    steer, _, _ = steering
    change = Change(5, ADD, 3.0)

    steered = steer.generate_now(PROMPTS, change, tokens=2, temperature=0, seed=0)

    assert pytest.approx(steer.kl_now(PROMPTS, change), abs=1e-6) == [one.kl for one in steered]
    assert all(one.kl > 0 for one in steered)


async def test_several_callers_at_once_each_get_their_own_answer(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)
    prompts = [[0, 5, 9], [0, 7]]
    changes = [Change(k, ADD, 6.0) for k in range(4)]

    found = await asyncio.gather(*(steer.kl(prompts, change) for change in changes))

    assert [steer.kl_now(prompts, change) for change in changes] == found
    texts = await steer.generate(prompts, changes[0], tokens=4, temperature=0, seed=0)
    assert texts == steer.generate_now(prompts, changes[0], tokens=4, temperature=0, seed=0)


def test_no_prompts_have_no_answers(subject: Planted) -> None:
    steer = Steering(subject.model, subject.dictionary)

    assert [] == steer.kl_now([], Change(0, ADD, 1.0))
    assert [] == steer.generate_now([], None, tokens=3, temperature=1, seed=0)


@pytest.mark.parametrize(
    ("prompts", "change", "said"),
    [
        ([[0]], Change(16, ADD, 1.0), "no feature 16; planted has features 0 to 15"),
        ([[0]], Change(-1, ADD, 1.0), "no feature -1"),
        ([[0], []], Change(0, ADD, 1.0), "at least one token"),
        ([[0] * 129], Change(0, ADD, 1.0), "take 129 tokens, but planted reads 128"),
        ([[5] * 128], Change(0, ADD, 1.0), "take 129 tokens, but planted reads 128"),
    ],
)
def test_what_cannot_be_done_is_refused(subject: Planted, prompts: list[list[int]], change: Change, said: str) -> None:
    steer = Steering(subject.model, subject.dictionary)

    with pytest.raises(InvalidSpec, match=said):
        steer.kl_now(prompts, change)


def test_an_sae_that_normalises_its_input_cannot_be_steered_with(stories: SubjectModel) -> None:
    sae = TopKSAE(TopKSAEConfig(d_in=64, d_sae=16, k=2, normalize_activations="layer_norm"))
    dictionary = wrap_sae(sae, stories, hook="model.layers.1", name="normed", source={})

    with pytest.raises(InvalidModel, match="features of normed cannot be changed"):
        Steering(stories, dictionary).kl_now([[1]], Change(0, ADD, 1.0))
