"""What the features of an SAE write to the residual stream, wherever they are read."""

from contextlib import suppress

from jaxtyping import Float
from torch import Tensor, nn

from autointerp.errors import InvalidModel
from autointerp.subject.hooks import INPUT
from autointerp.subject.model import SubjectModel
from autointerp.subject.sae import Dictionary

WRITTEN_FROM = ("attn.hook_z", "mlp.hook_post")  # what enters the last projection of attention and of the MLP


def residual_directions(dictionary: Dictionary, model: SubjectModel) -> Float[Tensor, "feature width"]:
    """Return what each feature adds to the residual stream at activation 1; of width 0 where it does not write there.

    What enters the last projection of attention or of an MLP is written through it, without a norm behind it.
    """
    if "transcoder" not in dictionary.kind and (projection := _projection(dictionary.hook, model)) is not None:
        return dictionary.directions @ projection.to(dictionary.directions)
    written = dictionary.directions.shape[1] == model.width
    return dictionary.directions if written else dictionary.directions[:, :0]


def _projection(hook: str, model: SubjectModel) -> Float[Tensor, "inner width"] | None:
    """The projection to the residual stream whose input the hook point is."""
    for layer in range(model.layers):
        for site in WRITTEN_FROM:
            with suppress(InvalidModel):
                if model.resolve(f"blocks.{layer}.{site}") == hook:
                    part = model.module.get_submodule(hook.removesuffix(INPUT))
                    weight = part.get_parameter("weight").detach()
                    # GPT-2's projections hold their weights the other way round.
                    return weight.T if isinstance(part, nn.Linear) else weight
    return None
