"""How batches are treated at one endpoint."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class BatchPolicy(BaseModel):
    """Sizes of batches, attempts, and times in seconds.

    The limits are below those of the vendors (50,000 requests and 200 MB; 100,000 and 256 MB), so that one lost batch
    hurts less. The next look at a batch comes after a tenth of its age, between `poll_first` and `poll_max`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_requests: int = Field(default=20_000, ge=1)
    max_bytes: int = Field(default=190_000_000, ge=1)
    attempts: int = Field(default=3, ge=1, description="batches that a request is put in before it is sent online")
    patience: float = Field(default=900, ge=0, description="how long a request waits for others to share its batch")
    poll_first: float = Field(default=60, gt=0)
    poll_max: float = Field(default=600, gt=0)
    grace: float = Field(
        default=600, ge=0, description="a batch that may be there, and is not found for so long, is handed in again"
    )
    quota_wait: float = Field(default=600, ge=0, description="after the vendor's queue was full")
    give_up: float = Field(default=172_800, gt=0, description="a batch of this age that cannot be read is lost")
    lease: float = Field(
        default=120, gt=0, description="a worker that is silent for so long leaves its batch to others"
    )
    timeout: float = Field(default=600, gt=0, description="for handing in a batch or reading results")
    commit: int = Field(default=200, ge=1, description="results stored in one transaction")
    price_share: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        description="of the endpoint's own price, where it has one; both vendors take half",
    )
