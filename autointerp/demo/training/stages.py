"""The stages of a training run; each reads what the ones before it left in the output folder."""

import itertools
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from sae_lens import SAE
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from autointerp.demo import stdlib
from autointerp.demo.training import measure, model, report, sae, tokenizer, tokens
from autointerp.demo.training.recipe import Recipe, Stage
from autointerp.demo.training.report import Report, StageTime

SAE_NAMES = ("sae-topk", "sae-jumprelu")


@dataclass(frozen=True, slots=True)
class Run:
    """A recipe and the folder that it fills."""

    recipe: Recipe
    folder: Path

    @property
    def report(self) -> Path:
        """The file that holds what was measured."""
        return self.folder / "report.json"

    def texts(self, split: stdlib.Split) -> Iterator[str]:
        """Yield the documents of `split` that the recipe uses."""
        return (text for _, text in itertools.islice(stdlib.documents(split), self.recipe.documents))

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Load the tokenizer that the first stage made."""
        return AutoTokenizer.from_pretrained(self.folder / "model")

    def model(self) -> LlamaForCausalLM:
        """Load the language model that the second stage made."""
        return LlamaForCausalLM.from_pretrained(self.folder / "model")

    def stream(self, split: stdlib.Split) -> torch.Tensor:
        """Give the tokens of `split`."""
        return tokens.stream(self.tokenizer(), self.texts(split))

    def contexts(self, split: stdlib.Split) -> torch.Tensor:
        """Give the tokens of `split` in contexts that begin with the boundary token."""
        boundary = tokens.boundary_of(self.tokenizer())
        return tokens.contexts(self.stream(split), length=self.recipe.model.context, boundary=boundary)


def perform(stage: Stage, run: Run) -> Report:
    """Do one stage and write what it took into the report."""
    started = time.monotonic()
    seen = _STAGES[stage](run)
    took = StageTime(
        seconds=round(time.monotonic() - started, 1),
        tokens=seen,
        threads=torch.get_num_threads(),
        machine=f"{platform.system()} {platform.machine()}, CPU, torch {torch.__version__}",
    )
    found = report.read(run.report, hook=run.recipe.sae.hook)
    found = found.model_copy(update={"stages": {**found.stages, stage: took}})
    report.write(found, run.report)
    return found


def _tokenizer(run: Run) -> int:
    recipe = run.recipe.model
    learned = tokenizer.train(run.texts("train"), vocabulary=recipe.vocabulary, context=recipe.context)
    tokenizer.save(learned, run.folder / "model")
    return 0


def _model(run: Run) -> int:
    recipe = run.recipe.model
    model.train(recipe, run.stream("train"), tokens.boundary_of(run.tokenizer()), run.folder / "model")
    return recipe.steps * recipe.batch * recipe.context


def _sae_topk(run: Run) -> int:
    return _sae(run, sae.topk(run.recipe), "sae-topk")


def _sae_jumprelu(run: Run) -> int:
    return _sae(run, sae.jumprelu(run.recipe), "sae-jumprelu")


def _sae(run: Run, config: sae.TrainingSAEConfig, name: str) -> int:
    torch.manual_seed(run.recipe.sae.seed)
    contexts = run.contexts("train")
    shuffled = contexts[torch.randperm(len(contexts))]
    sae.train(run.recipe, config, run.model(), run.tokenizer(), shuffled, run.folder / name)
    return run.recipe.sae.steps * run.recipe.sae.batch_tokens


def _report(run: Run) -> int:
    language_model, hook = run.model(), run.recipe.sae.hook
    contexts = run.contexts("validation")[: run.recipe.measured_rows]
    found = report.read(run.report, hook=hook).model_copy(
        update={
            "model": measure.model_quality(language_model, contexts, run.stream("train")),
            "saes": {
                name: measure.sae_quality(language_model, SAE.load_from_disk(run.folder / name), hook, contexts)
                for name in SAE_NAMES
            },
        }
    )
    report.write(found, run.report)
    return contexts.numel()


_STAGES: dict[Stage, Callable[[Run], int]] = {
    "tokenizer": _tokenizer,
    "model": _model,
    "sae-topk": _sae_topk,
    "sae-jumprelu": _sae_jumprelu,
    "report": _report,
}
