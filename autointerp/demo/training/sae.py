"""The two sparse autoencoders, trained with sae-lens on the residual stream of the trained model."""

import contextlib
import signal
import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

from datasets import Dataset
from jaxtyping import Int
from sae_lens import SAE, LanguageModelSAERunnerConfig, LanguageModelSAETrainingRunner, LoggingConfig
from sae_lens.load_model import HookedProxyLM
from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAEConfig
from sae_lens.saes.sae import TrainingSAEConfig
from sae_lens.saes.topk_sae import TopKTrainingSAEConfig
from torch import Tensor
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from autointerp.demo.training.recipe import Recipe
from autointerp.demo.training.tokens import boundary_of

# Relative to the folder of the SAE, so that the files can be moved together.
MODEL_NAME = "../model"
CORPUS_NAME = "the Python standard library"


def topk(recipe: Recipe) -> TrainingSAEConfig:
    """Describe a TopK SAE (Gao et al. 2024): exactly `k` features at every token."""
    return TopKTrainingSAEConfig(
        d_in=recipe.model.width,
        d_sae=recipe.sae.features,
        k=recipe.topk,
        normalize_activations="expected_average_only_in",
    )


def jumprelu(recipe: Recipe) -> TrainingSAEConfig:
    """Describe a JumpReLU SAE (Rajamanoharan et al. 2024) that pays for every feature it uses.

    The price rises over most of the training, so that features find a use before they have to earn it.
    """
    return JumpReLUTrainingSAEConfig(
        d_in=recipe.model.width,
        d_sae=recipe.sae.features,
        normalize_activations="expected_average_only_in",
        jumprelu_sparsity_loss_mode="step",
        l0_coefficient=recipe.jumprelu_price,
        l0_warm_up_steps=recipe.sae.steps * 3 // 4,
        jumprelu_init_threshold=0.01,
        jumprelu_bandwidth=0.2,
        jumprelu_ste_to_input=True,
        pre_act_loss_coefficient=3e-3,
    )


def train(
    recipe: Recipe,
    config: TrainingSAEConfig,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    contexts: Int[Tensor, "row pos"],
    folder: Path,
) -> None:
    """Train an SAE on the activations of `contexts` and save it for inference, with unit decoder norms, in `folder`."""
    runner_config = _runner_config(recipe, config, contexts, tokenizer)
    hooked = HookedProxyLM(model, tokenizer, hook_names=[recipe.sae.hook])
    dataset = Dataset.from_dict({"input_ids": contexts.tolist()})
    with _quiet():
        runner = LanguageModelSAETrainingRunner(runner_config, override_dataset=dataset, override_model=hooked)
        trained = runner.run()
        with tempfile.TemporaryDirectory() as scratch:
            trained.save_inference_model(scratch)
            sae = SAE.load_from_disk(scratch, fold_W_dec_norm=True)
    _save(sae, folder)


def _runner_config(
    recipe: Recipe, config: TrainingSAEConfig, contexts: Int[Tensor, "row pos"], tokenizer: PreTrainedTokenizerBase
) -> LanguageModelSAERunnerConfig[Any]:
    steps = recipe.sae.steps
    return LanguageModelSAERunnerConfig(
        sae=config,
        model_name=MODEL_NAME,
        model_class_name="AutoModelForCausalLM",
        hook_name=recipe.sae.hook,
        dataset_path=CORPUS_NAME,
        context_size=contexts.shape[1],
        training_tokens=steps * recipe.sae.batch_tokens,
        train_batch_size_tokens=recipe.sae.batch_tokens,
        store_batch_size_prompts=16,
        n_batches_in_buffer=256,
        exclude_special_tokens=[boundary_of(tokenizer)],
        lr=recipe.sae.rate,
        lr_warm_up_steps=steps // 20,
        lr_decay_steps=steps // 3,
        adam_beta1=0.9,
        dead_feature_window=max(1, steps // 12),
        feature_sampling_window=max(1, steps // 4),
        n_batches_for_norm_estimate=10,
        seed=recipe.sae.seed,
        device="cpu",
        logger=LoggingConfig(log_to_wandb=False),
        checkpoint_path=None,
        output_path=None,
        verbose=False,
    )


def _save(sae: SAE[Any], folder: Path) -> None:
    # With unit decoder norms, rescaling by them does nothing: say so in the file, which then reads as a plain TopK SAE.
    if hasattr(sae.cfg, "rescale_acts_by_decoder_norm"):
        sae.cfg.rescale_acts_by_decoder_norm = False
    sae.save_model(folder)


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Hide sae-lens's advice on data sets, and take back the signal handlers that it sets."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
