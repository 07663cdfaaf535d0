"""SAEs: loaded by sae-lens from a folder or a release, with activations that are comparable across architectures."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from autointerp.domain.specs import BASELINES, SaeSpec
from autointerp.errors import InvalidModel
from autointerp.hashing import canonical_json
from autointerp.subject.model import SubjectModel
from autointerp.subject.quiet import unwarned

if TYPE_CHECKING:
    from sae_lens import SAE

# Kinds that the metadata name beside the architecture: baselines, and an SAE that is read as one of another kind.
KINDS = frozenset({*BASELINES, "abstopk"})
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
    scale: Float[Tensor, "feature"] | None  # the norms; None: they are one, or in the activations already

    def encode(self, acts: Float[Tensor, "... width"]) -> Float[Tensor, "... feature"]:
        """Return the activation of every feature, in float32: to the bit that of sae-lens times `scale`."""
        with torch.no_grad():
            feats = self.sae.encode(acts).float()
            return feats if self.scale is None else feats * self.scale

    def decode(self, feats: Float[Tensor, "... feature"]) -> Float[Tensor, "... width"]:
        """Return the reconstruction of `feats`; for an SAE that normalises its input, of those last encoded."""
        with torch.no_grad():
            unscaled = feats if self.scale is None else feats / self.scale
            return self.sae.decode(unscaled.to(self.sae.dtype)).float()

    @property
    def steerable(self) -> bool:
        """Whether a feature writes its direction where it is read: not in a transcoder or behind a norm of its own."""
        return "transcoder" not in self.kind and self.sae.cfg.normalize_activations in (
            "none",
            "expected_average_only_in",
        )


def load_sae(spec: SaeSpec, model: SubjectModel, *, pickles: bool = False) -> Dictionary:
    """Load an SAE onto the model's device; InvalidModel when it is missing, damaged, does not fit, or is a pickle that
    may not be one."""
    with unwarned():
        # sae-lens takes many seconds to import, so only processes that load SAEs do.
        from autointerp.subject.sae_files import read_sae

    sae = read_sae(spec, device=model.device, pickles=pickles).to(getattr(torch, spec.dtype))
    return wrap(sae, model, hook=spec.hook, name=_name(spec), source=spec.model_dump(exclude_none=True))


def wrap(sae: "SAE[Any]", model: SubjectModel, *, hook: str | None, name: str, source: Mapping[str, Any]) -> Dictionary:
    """Make the dictionary of a loaded SAE; InvalidModel when its kind cannot be read here, or it does not fit."""
    _check_kind(sae, name)
    for weight, values in sae.state_dict().items():
        if not bool(torch.isfinite(values).all()):
            raise InvalidModel(
                f"the weights of the SAE {name} hold NaN or infinity in {weight}; use another checkpoint"
            )
    place = model.resolve(_hook(sae, hook, name))
    _check_width(model, place, int(sae.cfg.d_in), name)
    # Heads are read side by side here, as the SAE's weights have them.
    sae.turn_off_forward_pass_hook_z_reshaping()
    _check_encoding(sae.requires_grad_(requires_grad=False), name)
    return Dictionary(
        fingerprint=fingerprint_of(sae, place),
        name=name,
        kind=_kind(sae),
        hook=place,
        width=int(sae.cfg.d_in),
        features=int(sae.cfg.d_sae),
        source=dict(source),
        directions=torch.nn.functional.normalize(sae.W_dec.detach().float(), dim=1),
        sae=sae,
        scale=_scale(sae),
    )


def fingerprint_of(sae: "SAE[Any]", hook: str) -> str:
    """Return the sha256 of the weights, of what the config says about computing, and of the hook point."""
    config = {key: value for key, value in sae.cfg.to_dict().items() if key not in PROVENANCE}
    if sae.dtype != torch.float32:
        config["computes_in"] = str(sae.dtype)
    found = hashlib.sha256(canonical_json({"config": config, "hook": hook}).encode())
    for name, values in sorted(sae.state_dict().items()):
        found.update(f"{name} {tuple(values.shape)}".encode())
        found.update(values.detach().float().cpu().contiguous().numpy().data)
    return found.hexdigest()


def _scale(sae: "SAE[Any]") -> Float[Tensor, "feature"] | None:
    """The decoder's norms, where they are not one; None for an SAE that multiplies with them itself.

    They are not folded into the encoder: that would change the last bits, and which features a TopK SAE chooses.
    """
    norms = sae.W_dec.detach().float().norm(dim=1)
    scaled = getattr(sae.cfg, "rescale_acts_by_decoder_norm", False)
    return None if scaled or torch.allclose(norms, torch.ones_like(norms), atol=1e-5) else norms


def _kind(sae: "SAE[Any]") -> str:
    """What the metadata say the SAE is, else its architecture."""
    kind = sae.cfg.metadata.kind
    return kind if isinstance(kind, str) and kind in KINDS else sae.cfg.architecture()


def _check_kind(sae: "SAE[Any]", name: str) -> None:
    if sae.cfg.architecture() == "temporal":
        raise InvalidModel(
            f"{name} is a temporal SAE, whose features also depend on the tokens before; "
            "only SAEs that read one token at a time can be explained"
        )
    if sae.cfg.metadata.hook_head_index is not None:
        raise InvalidModel(
            f"the SAE {name} reads attention head {sae.cfg.metadata.hook_head_index} alone; "
            "only SAEs that read all heads side by side are supported"
        )


def _check_encoding(sae: "SAE[Any]", name: str) -> None:
    """Encode one token: a configuration that contradicts the weights is found here, not in the middle of a harvest."""
    try:
        sae.encode(torch.ones(1, int(sae.cfg.d_in), device=sae.W_dec.device))
    except (RuntimeError, TypeError) as error:
        raise InvalidModel(f"the SAE {name} cannot encode: {str(error).strip().splitlines()[0]}") from error


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
