"""The subcommand of `gluon-ssd` that describes the image to SageMaker."""

import argparse
from pathlib import Path

from gluon_ssd.sagemaker.algorithm import INSTANCE_TYPES, NAME, specification
from gluon_ssd.subcommand import Commands, add_command
from gluon_ssd.tools import command_examples
from gluon_ssd.tools.json_report import as_text, write_report


def add_algorithm(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `algorithm`."""
    parser = add_command(
        commands, "algorithm", "describe the image to SageMaker's CreateAlgorithm", command_examples.ALGORITHM_EXAMPLES
    )
    parser.add_argument("--image-uri", required=True, metavar="URI", help="the image in Amazon ECR")
    parser.add_argument("--name", default=NAME, help=f"what the algorithm will be called (default {NAME})")
    parser.add_argument(
        "--instance-types",
        nargs="+",
        default=INSTANCE_TYPES,
        metavar="TYPE",
        help="where its jobs may run (default: all with GPUs that MXNet 1.9.1 has code for, some without)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the JSON goes (default: standard output)")
    parser.set_defaults(run=_algorithm)


def _algorithm(options: argparse.Namespace) -> None:
    specified = specification(options.image_uri, name=options.name, instance_types=options.instance_types)
    if options.output is None:
        print(as_text(specified), end="")
    else:
        write_report(specified, options.output, option="--output")
