"""SAEs: loaded by sae-lens from a folder or a release, with activations that are comparable across architectures."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.specs import SaeSpec
from autointerp.errors import InvalidModel
from autointerp.hashing import canonical_json
from autointerp.subject.model import SubjectModel
from autointerp.subject.quiet import unwarned

if TYPE_CHECKING:
    from sae_lens import SAE

# sae-lens folds the decoder's norms exactly for these; where it cannot, activations are scaled after encoding.
FOLDABLE = frozenset({"standard", "gated", "jumprelu", "transcoder", "jumprelu_transcoder"})
# What a config says about where it was made, not about what the SAE computes.
PROVENANCE = frozenset({"metadata", "device", "dtype"})


@dataclass(frozen=True, eq=False, slots=True)
class Dictionary:
    """The features of one SAE at one hook point.

    An activation is the SAE's own times the norm of the feature's decoder row, and directions have unit norm, so that
    `activation * direction` is what the feature writes, whatever the architecture.
    """

    fingerprint: str
    name: str
    kind: str
    hook: str
    width: int
    features: int
    source: Mapping[str, Any]
    directions: Float[Tensor, "feature width"]
    sae: "SAE[Any]"
    scale: Float[Tensor, "feature"] | None  # None: the norms are folded into the weights

    def encode(self, acts: Float[Tensor, "... width"]) -> Float[Tensor, "... feature"]:
        """Return the activation of every feature, in float32."""
        with torch.no_grad():
            feats = self.sae.encode(acts)
            return feats if self.scale is None else feats * self.scale

    def decode(self, feats: Float[Tensor, "... feature"]) -> Float[Tensor, "... width"]:
        """Return the reconstruction of `feats`; for an SAE that normalises its input, of those last encoded."""
        with torch.no_grad():
            return self.sae.decode(feats if self.scale is None else feats / self.scale)

    @property
    def steerable(self) -> bool:
        """Whether a feature writes its direction where it is read: not in a transcoder or behind a norm of its own."""
        return "transcoder" not in self.kind and self.sae.cfg.normalize_activations in (
            "none",
            "expected_average_only_in",
        )


def load_sae(spec: SaeSpec, model: SubjectModel) -> Dictionary:
    """Load an SAE onto the model's device, in float32; InvalidModel when it is missing, damaged or does not fit."""
    with unwarned():
        # sae-lens takes many seconds to import, so only processes that load SAEs do.
        from autointerp.subject.sae_files import read_sae

    sae = read_sae(spec, device=model.device)
    return wrap(sae, model, hook=spec.hook, name=_name(spec), source=spec.model_dump(exclude_none=True))


def wrap(sae: "SAE[Any]", model: SubjectModel, *, hook: str | None, name: str, source: Mapping[str, Any]) -> Dictionary:
    """Make the dictionary of a loaded SAE, folding decoder norms in place; InvalidModel when it does not fit."""
    for weight, values in sae.state_dict().items():
        if not bool(torch.isfinite(values).all()):
            raise InvalidModel(
                f"the weights of the SAE {name} hold NaN or infinity in {weight}; use another checkpoint"
            )
    place = model.resolve(_hook(sae, hook, name))
    width = int(sae.cfg.d_in)
    _check_width(model, place, width, name)
    # Heads are read side by side here, as the SAE's weights have them.
    sae.turn_off_forward_pass_hook_z_reshaping()
    fingerprint = fingerprint_of(sae, place)
    scale = _fold(sae)
    return Dictionary(
        fingerprint=fingerprint,
        name=name,
        kind=sae.cfg.architecture(),
        hook=place,
        width=width,
        features=int(sae.cfg.d_sae),
        source=dict(source),
        directions=(sae.W_dec / sae.get_W_dec_norm().unsqueeze(1)).detach(),
        sae=sae.requires_grad_(requires_grad=False),
        scale=scale,
    )


def fingerprint_of(sae: "SAE[Any]", hook: str) -> str:
    """Return the sha256 of the weights, of what the config says about computing, and of the hook point."""
    config = {key: value for key, value in sae.cfg.to_dict().items() if key not in PROVENANCE}
    found = hashlib.sha256(canonical_json({"config": config, "hook": hook}).encode())
    for name, values in sorted(sae.state_dict().items()):
        found.update(f"{name} {tuple(values.shape)}".encode())
        found.update(values.detach().float().cpu().contiguous().numpy().data)
    return found.hexdigest()


def _fold(sae: "SAE[Any]") -> Float[Tensor, "feature"] | None:
    """Fold the decoder's norms into the weights, or return what activations must be multiplied with instead.

    Scaling a TopK SAE's encoder would change which features are chosen, so its activations are scaled afterwards;
    one that rescales by decoder norms itself already reports what we want.
    """
    if getattr(sae.cfg, "rescale_acts_by_decoder_norm", False):
        return None
    norms = sae.W_dec.detach().norm(dim=-1)
    if torch.allclose(norms, torch.ones_like(norms), atol=1e-5):
        return None
    if sae.cfg.architecture() in FOLDABLE:
        sae.fold_W_dec_norm()
        return None
    return sae.get_W_dec_norm().detach()


def _hook(sae: "SAE[Any]", hook: str | None, name: str) -> str:
    """The hook point: the one asked for, else what the SAE's metadata names."""
    metadata = sae.cfg.metadata
    found = hook or metadata.hf_hook_name or metadata.hook_name
    if not found:
        raise InvalidModel(f"the SAE {name} does not say where it reads; give its hook point as `hook`")
    return str(found)


def _check_width(model: SubjectModel, hook: str, width: int, name: str) -> None:
    token = torch.zeros(1, 1, dtype=torch.long)
    actual = model.read(token, [hook])[hook].shape[-1]
    if actual != width:
        raise InvalidModel(
            f"the SAE {name} reads {width} dimensions, but {hook} of {model.name} has {actual}: "
            "give the hook point or the model that it was trained on"
        )


def _name(spec: SaeSpec) -> str:
    parts = [spec.path or spec.release, spec.sae_id]
    return "/".join(part.rstrip("/") for part in parts if part)
