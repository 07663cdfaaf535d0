"""The command that makes the bundled model and its sparse autoencoders again: `python -m autointerp.demo.train`."""

import argparse
import logging
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from autointerp.demo import FILES
from autointerp.demo.training import report, stages
from autointerp.demo.training.recipe import FULL, SMOKE, STAGES


def main(arguments: list[str] | None = None) -> None:
    """Perform the stages asked for, in order, and print the report."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    run = stages.Run(SMOKE if options.smoke else FULL, options.out)
    for stage in STAGES:
        if options.stage in (None, stage):
            found = stages.perform(stage, run)
            print(f"{stage}: {found.stages[stage].seconds:.0f} s", flush=True)
    print(report.table(report.read(run.report, hook=run.recipe.sae.hook)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autointerp.demo.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=FILES, help="the folder to fill (default: the bundled files)")
    parser.add_argument("--threads", type=int, default=1, help="how many CPU threads to use (default: 1)")
    parser.add_argument("--stage", choices=STAGES, help="do this stage alone; the earlier ones must be done")
    parser.add_argument("--smoke", action="store_true", help="a toy size on a few documents, in seconds")
    return parser


if __name__ == "__main__":
    main()
