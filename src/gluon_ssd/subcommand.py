"""What subcommands of `gluon-ssd` share: a summary, a help that ends with examples, how labeled data is named."""

import argparse
from pathlib import Path

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def add_command(
    commands: "Commands[argparse.ArgumentParser]", name: str, summary: str, examples: str
) -> argparse.ArgumentParser:
    """Add a subcommand, and return its parser."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_labeled_data(parser: argparse.ArgumentParser, metavar: str) -> None:
    """Let a subcommand be given labeled images: `data`, and `annotations` and `label_attribute` where it needs them."""
    parser.add_argument(
        "data", type=Path, metavar=metavar, help="a .rec or .manifest file, or a folder of either or of images"
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="PATH",
        help="annotations of images: a folder, or COCO's file "
        f"(default: {metavar}_annotation or annotations beside it)",
    )
    parser.add_argument(
        "--label-attribute", default="", metavar="NAME", help="attribute of a manifest with the boxes, if several have"
    )
