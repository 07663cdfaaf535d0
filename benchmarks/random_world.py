"""A subject model with random weights, and SAEs with random directions on it: their speed is that of trained ones.

What decides the speed of a harvest is the number of features that fire at a token, and how unevenly that is spread over
features: thresholds are set so that densities are log-normal, as those of trained SAEs are, and add up to a given L0.
"""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from autointerp import demo
from autointerp.domain.specs import CorpusSpec, SaeSpec, SubjectSpec
from autointerp.subject.corpus import open_corpus
from autointerp.subject.documents import read_documents
from autointerp.subject.model import SubjectModel, load_model
from autointerp.subject.quiet import quiet, unwarned
from autointerp.subject.sae import Dictionary, load_sae

SAMPLE_TOKENS = 16_384
LINES_OF_A_DOCUMENT = 100
TOKENS_OF_A_DOCUMENT = 1_000  # at least: a line has more than ten tokens
SPREAD = 1.0  # standard deviation of the logarithm of densities


@dataclass(frozen=True)
class Shape:
    """The size of a subject model."""

    layers: int
    width: int
    heads: int

    @property
    def name(self) -> str:
        """Say the size in a few words."""
        return f"{self.layers} layers, d {self.width}"


@dataclass(frozen=True)
class SaeShape:
    """An SAE to make: at the output of layer number `layer`, with a mean L0 of `active`."""

    kind: str  # topk or jumprelu
    features: int
    active: int
    layer: int


def make_model(folder: Path, shape: Shape) -> Path:
    """Save a Llama with random weights, and the tokenizer of the bundled model."""
    path = folder / "model"
    bundled = load_model(SubjectSpec(model=str(demo.MODEL)))
    config = LlamaConfig(
        vocab_size=bundled.module.get_input_embeddings().get_parameter("weight").shape[0],
        hidden_size=shape.width,
        intermediate_size=4 * shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=1024,
    )
    torch.manual_seed(0)
    with quiet():
        LlamaForCausalLM(config).save_pretrained(path)
        bundled.tokenizer.save_pretrained(path)
    return path


def make_sae(folder: Path, model: SubjectModel, shape: SaeShape) -> SaeSpec:
    """Save an SAE whose features fire about as often as those of a trained one."""
    with unwarned():
        from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
        from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig

    hook = f"model.layers.{shape.layer}"
    acts = sample(model, hook)
    mean, width = acts.mean(0), acts.shape[1]
    draw = torch.Generator().manual_seed(shape.layer)
    directions = torch.nn.functional.normalize(torch.randn(shape.features, width, generator=draw), dim=1)
    logs = SPREAD * torch.randn(shape.features, generator=draw)
    density = (logs.exp() / logs.exp().sum() * shape.active).clamp(max=0.5)
    # A projection on a random direction is about normal, so that its quantiles are known.
    thresholds = ((acts - mean) @ directions.T).std(0) * math.sqrt(2) * torch.erfinv(1 - 2 * density)
    options = {"d_in": width, "d_sae": shape.features, "apply_b_dec_to_input": False}
    if shape.kind == "topk":
        sae = TopKSAE(TopKSAEConfig(**options, k=shape.active))
        # The strongest in units of their threshold are chosen, so that each feature has its density.
        sae.W_enc.data = (directions / thresholds[:, None]).T.contiguous()
    else:
        sae = JumpReLUSAE(JumpReLUSAEConfig(**options))
        sae.W_enc.data = directions.T.contiguous()
        sae.threshold.data = thresholds
    sae.W_dec.data, sae.b_enc.data = directions, -(mean @ sae.W_enc.data)
    sae.b_dec.data.zero_()
    sae.cfg.metadata.hook_name = hook
    path = folder / f"{shape.kind}-{shape.features}-{shape.layer}"
    sae.save_model(path)
    return SaeSpec(path=str(path))


def make_corpus(folder: Path, tokens: int) -> CorpusSpec:
    """Write documents of the standard library's lines in random order, as many as a large pass needs."""
    lines = [
        line for _, text in read_documents(CorpusSpec(kind="stdlib")) for line in text.splitlines() if line.strip()
    ]
    draw = random.Random(0)
    path = folder / "lines.jsonl"
    with path.open("w") as file:
        for _ in range(tokens // TOKENS_OF_A_DOCUMENT):
            file.write(json.dumps({"text": "\n".join(draw.choices(lines, k=LINES_OF_A_DOCUMENT))}) + "\n")
    return CorpusSpec(kind="jsonl", path=str(path))


def sample(model: SubjectModel, hook: str) -> Tensor:
    """Return activations of some of the corpus, (token, width)."""
    context = 256
    corpus = open_corpus(CorpusSpec(kind="stdlib"), model, context=context, tokens=SAMPLE_TOKENS)
    rows = torch.from_numpy(corpus.block(0, SAMPLE_TOKENS // context).tokens).long()
    return torch.cat([model.read(part, [hook])[hook].flatten(0, 1).float().cpu() for part in rows.split(16)])


def load_saes(specs: Sequence[SaeSpec], model: SubjectModel) -> list[Dictionary]:
    """Load SAEs onto the model's device."""
    return [load_sae(spec, model) for spec in specs]
