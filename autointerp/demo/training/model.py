"""The language model: a small Llama, trained with AdamW and a cosine schedule."""

import logging
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from autointerp.demo.training import tokens
from autointerp.demo.training.recipe import ModelRecipe

log = logging.getLogger(__name__)
SAVES = 10


def build(recipe: ModelRecipe, boundary: int) -> LlamaForCausalLM:
    """Make an untrained model of the recipe's shape."""
    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=recipe.vocabulary,
            hidden_size=recipe.width,
            intermediate_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            max_position_embeddings=recipe.context,
            tie_word_embeddings=True,
            bos_token_id=boundary,
            eos_token_id=boundary,
        )
    )


def train(recipe: ModelRecipe, stream: Int[Tensor, "token"], boundary: int, folder: Path) -> LlamaForCausalLM:
    """Train on `stream` for the recipe's steps, saving to `folder` ten times on the way."""
    model = build(recipe, boundary)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.peak_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay, fused=True
    )
    batches = _Batches(recipe, stream, boundary)
    for step in range(recipe.steps):
        optimizer.param_groups[0]["lr"] = rate(recipe, step)
        loss = loss_of(model, *batches.draw())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 50 == 0:
            log.info("step %d of %d, loss %.3f", step, recipe.steps, loss.item())
        if (step + 1) % math.ceil(recipe.steps / SAVES) == 0 or step + 1 == recipe.steps:
            model.save_pretrained(folder)
    return model.eval()


def loss_of(model: LlamaForCausalLM, inputs: Int[Tensor, "row pos"], targets: Int[Tensor, "row pos"]) -> Tensor:
    """Give the mean cross-entropy (nats/token) of `targets` given `inputs`."""
    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1))
    return F.cross_entropy(logits, targets.flatten())


def rate(recipe: ModelRecipe, step: int) -> float:
    """Give the learning rate at `step`: a linear warm-up, then half a cosine."""
    if step < recipe.warm_up_steps:
        return recipe.peak_rate * (step + 1) / recipe.warm_up_steps
    done = (step - recipe.warm_up_steps) / (recipe.steps - recipe.warm_up_steps)
    return recipe.final_rate + (recipe.peak_rate - recipe.final_rate) * (1 + math.cos(math.pi * done)) / 2


class _Batches:
    """Shuffled rows of the stream, cut anew at a random offset in every epoch."""

    def __init__(self, recipe: ModelRecipe, stream: Int[Tensor, "token"], boundary: int) -> None:
        self._recipe = recipe
        self._stream = stream
        self._boundary = boundary
        self._chance = torch.Generator().manual_seed(recipe.seed)
        self._rows = self._epoch()
        self._at = 0

    def draw(self) -> tuple[Int[Tensor, "row pos"], Int[Tensor, "row pos"]]:
        """Give the next inputs and targets; half of the rows begin with the boundary token, as texts may or may not."""
        if self._at + self._recipe.batch > len(self._rows):
            self._rows, self._at = self._epoch(), 0
        rows = self._rows[self._at : self._at + self._recipe.batch]
        self._at += self._recipe.batch
        inputs, targets = rows[:, :-1].clone(), rows[:, 1:]
        inputs[::2, 0] = self._boundary
        return inputs, targets

    def _epoch(self) -> Int[Tensor, "row pos"]:
        length = self._recipe.context + 1
        offset = int(torch.randint(length, (1,), generator=self._chance))
        rows = tokens.rows(self._stream, length=length, offset=offset)
        return rows[torch.randperm(len(rows), generator=self._chance)]
