"""Harvest one spec in a process of its own and print its peak memory in bytes."""

import resource
import sys
import tempfile
from pathlib import Path

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.run import harvest_shard
from autointerp.subject.corpus import open_corpus
from autointerp.subject.model import load_model
from benchmarks.random_world import load_saes


def main() -> None:
    """Harvest the spec that the first argument holds as JSON."""
    spec = HarvestSpec.model_validate_json(sys.argv[1])
    model = load_model(spec.subject)
    corpus = open_corpus(spec.corpus, model, context=spec.context, tokens=spec.tokens)
    with tempfile.TemporaryDirectory() as folder:
        harvest_shard(
            model, load_saes(spec.saes, model), corpus, spec, shard=0, folder=Path(folder), progress=lambda _: None
        )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
