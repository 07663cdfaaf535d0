"""How good the bundled model and its sparse autoencoders are, on documents that no training saw."""

from typing import Any

import torch
from jaxtyping import Float, Int
from sae_lens import SAE
from torch import Tensor
from transformers import LlamaForCausalLM

from autointerp.demo.training import splice
from autointerp.demo.training.report import ModelQuality, SaeQuality


def model_quality(
    model: LlamaForCausalLM, contexts: Int[Tensor, "row pos"], train_tokens: Int[Tensor, "token"]
) -> ModelQuality:
    """Compare the model's validation loss with that of knowing only how frequent each token is."""
    return ModelQuality(
        parameters=sum(weights.numel() for weights in model.parameters()),
        train_tokens=len(train_tokens),
        validation_tokens=contexts[:, 1:].numel(),
        validation_loss=splice.cross_entropy(model, "model.norm", contexts, lambda found: found),
        unigram_loss=unigram_loss(train_tokens, contexts[:, 1:], vocabulary=model.config.vocab_size),
    )


def unigram_loss(train: Int[Tensor, "token"], validation: Int[Tensor, "row pos"], *, vocabulary: int) -> float:
    """Give the cross-entropy (nats/token) on `validation` of the token counts of `train`, one added to each."""
    counts = torch.bincount(train, minlength=vocabulary) + 1
    surprise = -(counts / counts.sum()).log()
    return surprise[validation].mean().item()


@torch.no_grad()
def sae_quality(model: LlamaForCausalLM, sae: SAE[Any], hook: str, contexts: Int[Tensor, "row pos"]) -> SaeQuality:
    """Measure sparsity, reconstruction and what the model loses to it over all but each first token."""
    found = splice.activations(model, hook, contexts)[:, 1:]
    firings = torch.cat([_firings(sae, batch) for batch in found.split(splice.BATCH)])
    mean = found.mean(dim=(0, 1))
    error = sum((batch - sae(batch)).double().square().sum().item() for batch in found.split(splice.BATCH))
    spread = (found - mean).double().square().sum().item()

    def loss(edit: splice.Edit) -> float:
        return splice.cross_entropy(model, hook, contexts, edit)

    return SaeQuality(
        architecture=sae.cfg.architecture(),
        features=sae.cfg.d_sae,
        tokens=found.shape[0] * found.shape[1],
        l0=firings.sum().item() / (found.shape[0] * found.shape[1]),
        fraction_unexplained=error / spread,
        loss_original=loss(lambda original: original),
        loss_reconstructed=loss(sae),
        loss_zeroed=loss(torch.zeros_like),
        loss_mean=loss(lambda original: mean.expand_as(original)),
        live_features=int((firings.sum(dim=0) > 0).sum()),
        dense_features=int((firings.sum(dim=0) > 0.1 * found.shape[0] * found.shape[1]).sum()),
    )


def _firings(sae: SAE[Any], found: Float[Tensor, "row pos d"]) -> Int[Tensor, "one feature"]:
    return (sae.encode(found) != 0).sum(dim=(0, 1), keepdim=True)[0]
