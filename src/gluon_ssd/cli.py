"""The command `gluon-ssd`: what one does around jobs, on one's own machine."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from gluon_ssd import algorithm_command, model_commands
from gluon_ssd.data.counted import counted
from gluon_ssd.errors import JobError, UserError
from gluon_ssd.imagenet import places
from gluon_ssd.sagemaker import cpus, failure, standard_streams
from gluon_ssd.sagemaker.channels import MODEL, PRETRAINED, SHARED_ANNOTATIONS, own_annotations
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.subcommand import Commands, add_command, add_labeled_data
from gluon_ssd.tools import command_examples
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.box_table import read_csv
from gluon_ssd.tools.coco import read_coco
from gluon_ssd.tools.inspect import inspect, open_labels
from gluon_ssd.tools.inspection_report import as_json, as_text
from gluon_ssd.tools.job_folder import lay_out
from gluon_ssd.tools.json_report import expect_report, write_report
from gluon_ssd.tools.label_pictures import draw_labels
from gluon_ssd.tools.local_hosts import check_can_run, lay_out_hosts, run_hosts
from gluon_ssd.tools.output_formats import FORMATS
from gluon_ssd.tools.prepare import parse_classes, prepare
from gluon_ssd.tools.scenes import write_scenes
from gluon_ssd.tools.voc import read_voc
from gluon_ssd.tools.yolo import read_yolo

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C has ended

_OF_THE_BUILT_IN = ["vgg-16", "resnet-50"]
_ANNOTATIONS = {
    own_annotations("train"): "images to train on",
    own_annotations("validation"): "images to validate on",
    SHARED_ANNOTATIONS: "the images of both",
}
_STARTS = {
    MODEL: "the model to start from: an earlier job's model.tar.gz, or a folder with one or with its files",
    PRETRAINED: "ImageNet weights to start from: a .params file that has been published, or a folder of such files",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit code is 0 done, 2 a mistake that the user can mend, 1 anything else."""
    standard_streams.accept_any_text(sys.stdout, sys.stderr)
    try:
        try:
            options = _parser().parse_args(arguments)
            options.run(options)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        standard_streams.discard_output()
        return standard_streams.READER_GONE
    except UnicodeEncodeError as error:
        if sys.getfilesystemencoding() == "utf-8":
            raise
        print(
            f"gluon-ssd: file names: expected a locale that can write {error.object!r}; set LC_ALL=C.UTF-8",
            file=sys.stderr,
        )
        return 2
    except JobError as error:
        print(f"gluon-ssd: {error}", file=sys.stderr)
        return failure.code_of(error)
    except PermissionError as error:
        place = (
            f"{error.filename}: expected a place that you may use, got {error.strerror}" if error.filename else error
        )
        print(f"gluon-ssd: {place}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gluon-ssd",
        description="Train and try SSD object detectors.",
        epilog=command_examples.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('gluon-ssd')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_prepare(commands)
    _add_inspect(commands)
    _add_draw(commands)
    model_commands.add_predict(commands)
    model_commands.add_evaluate(commands)
    model_commands.add_export(commands)
    _add_fetch_weights(commands)
    algorithm_command.add_algorithm(commands)
    return parser


def _add_train(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "train", "run a training job on this machine", command_examples.TRAIN_EXAMPLES)
    parser.add_argument(
        "--train",
        type=Path,
        required=True,
        metavar="PATH",
        help="a .rec or .manifest file, or a folder of either or of images",
    )
    parser.add_argument("--validation", type=Path, required=True, metavar="PATH", help="the same, to validate on")
    for channel, images in _ANNOTATIONS.items():
        option = f"--{channel.replace('_', '-')}"
        parser.add_argument(
            option, type=Path, metavar="PATH", help=f"annotations of {images}: a folder, or COCO's file"
        )
    for channel, what in _STARTS.items():
        parser.add_argument(f"--{channel}", type=Path, metavar="PATH", help=what)
    parser.add_argument(
        "--hyperparameter", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="as in a SageMaker job"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="a new folder for the job, or that of one that failed"
    )
    parser.add_argument(
        "--hosts", type=int, default=1, metavar="N", help="try a job of several hosts, N processes here (default 1)"
    )
    parser.set_defaults(run=_train)


def _add_prepare(commands: "Commands[argparse.ArgumentParser]") -> None:
    sources = add_command(
        commands, "prepare", "turn a data set into what a job reads", command_examples.of_prepare()
    ).add_subparsers(required=True, metavar="SOURCE")
    voc = _add_source(sources, "voc", "from a PASCAL VOC folder", _read_voc)
    voc.add_argument("source", type=Path, help="the folder with JPEGImages, Annotations and ImageSets")
    voc.add_argument("--split", required=True, help="the name of a list in ImageSets/Main, such as train")

    coco = _add_source(sources, "coco", "from a COCO file of instances", _read_coco)
    coco.add_argument("source", type=Path, help="the JSON file, such as instances_train2017.json")
    coco.add_argument("--images", type=Path, required=True, metavar="DIR", help="the folder of its images")

    yolo = _add_source(sources, "yolo", "from a YOLO folder, as Ultralytics lays it out", _read_yolo)
    yolo.add_argument("source", type=Path, help="the folder with images/SPLIT and labels/SPLIT, and classes.txt")
    yolo.add_argument("--split", required=True, help="the name of the folders, such as train")

    table = _add_source(sources, "csv", "from a CSV file with a row for each box", _read_csv)
    table.add_argument("source", type=Path, help="rows of path,xmin,ymin,xmax,ymax,class or with a header; pixels")
    table.add_argument("--images", type=Path, metavar="DIR", help="what its paths start from (default: its own folder)")

    scenes = add_command(
        sources, "scenes", "from generated scenes, to try things on", command_examples.of_prepare("scenes")
    )
    scenes.add_argument("--images", type=int, default=400, metavar="N", help="how many (default 400)")
    scenes.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other scenes (default 1)")
    scenes.add_argument("--output", type=Path, required=True, metavar="FILE", help="the .rec file to write")
    scenes.set_defaults(run=_prepare_scenes)


def _add_source(
    sources: "Commands[argparse.ArgumentParser]", name: str, summary: str, read: Callable[[argparse.Namespace], DataSet]
) -> argparse.ArgumentParser:
    parser = add_command(sources, name, summary, command_examples.of_prepare(name))
    parser.add_argument("--classes", metavar="NAMES", help="class names in order: a,b,c or a file with one a line")
    parser.add_argument("--format", choices=FORMATS, default="recordio", help="what to write (default recordio)")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="PATH", help="the .rec or .manifest file, or the image folder"
    )
    parser.add_argument(
        "--max-side", type=int, metavar="N", help="shrink images with a side of more than N pixels (default: copy all)"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes that read images (default: the CPUs)")
    parser.set_defaults(run=_prepare, read=read)
    return parser


def _add_draw(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "draw", "draw what a model finds in the images of a .rec file", command_examples.DRAW_EXAMPLES
    )
    parser.add_argument("model", type=Path, help="the model folder of a job")
    parser.add_argument("records", type=Path, help="a .rec file")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the pictures go")
    parser.add_argument("--count", type=int, default=8, metavar="N", help="how many pictures (default 8)")
    parser.add_argument(
        "--threshold", type=float, default=0.4, metavar="T", help="least score of a box that is drawn (default 0.4)"
    )
    parser.set_defaults(run=_draw)


def _add_inspect(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "inspect", "show what a data set holds, and what looks wrong in it", command_examples.INSPECT_EXAMPLES
    )
    add_labeled_data(parser, "PATH")
    parser.add_argument("--num-classes", type=int, metavar="N", help="that of the job (default: told from the labels)")
    parser.add_argument(
        "--decode", choices=("drawn", "all"), default="drawn", help="images to decode: those drawn (default), or all"
    )
    parser.add_argument("--draw", type=Path, metavar="DIR", help="where pictures with boxes go (default: none)")
    parser.add_argument("--count", type=int, default=8, metavar="N", help="how many pictures (default 8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the report goes as JSON besides")
    parser.set_defaults(run=_inspect)


def _add_fetch_weights(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "fetch-weights",
        "fetch ImageNet weights, for jobs with use_pretrained_model=1",
        command_examples.FETCH_WEIGHTS_EXAMPLES,
    )
    parser.add_argument(
        "networks",
        nargs="*",
        default=_OF_THE_BUILT_IN,
        metavar="NETWORK",
        help=f"base networks (default: {' '.join(_OF_THE_BUILT_IN)})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=places.own_folder(),
        metavar="DIR",
        help=f"where to put them (default: the folder that {places.FOLDER_VARIABLE} names, or {places.IMAGE_FOLDER})",
    )
    parser.set_defaults(run=_fetch_weights)


def _train(options: argparse.Namespace) -> None:
    hyperparameters = dict(_name_and_value(text) for text in options.hyperparameter)
    check_can_run(Hyperparameters.parse({"num_training_samples": "1", **hyperparameters}), options.hosts)
    annotations = {channel: getattr(options, channel) for channel in _ANNOTATIONS if getattr(options, channel)}
    lay_out(
        options.output,
        train=options.train,
        validation=options.validation,
        hyperparameters=hyperparameters,
        annotations=annotations,
        start_from={channel: getattr(options, channel) for channel in _STARTS if getattr(options, channel)},
    )
    if options.hosts > 1:
        sys.exit(run_hosts(lay_out_hosts(options.output, options.hosts), os.environ))
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(options.output.resolve())}
    # The job replaces this process, so that signals and the exit code are its own, as in the container.
    os.execve(sys.executable, [sys.executable, "-m", "gluon_ssd.train"], environment)  # noqa: S606 - our own program


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UserError(f"--hyperparameter: expected NAME=VALUE, got {text!r}")
    return name, value


def _prepare(options: argparse.Namespace) -> None:
    jobs = cpus.available() if options.jobs is None else options.jobs
    print(prepare(options.read(options), options.output, options.format, jobs=jobs, max_side=options.max_side))


def _classes(options: argparse.Namespace) -> tuple[str, ...] | None:
    return None if options.classes is None else parse_classes(options.classes)


def _read_voc(options: argparse.Namespace) -> DataSet:
    return read_voc(options.source, options.split, classes=_classes(options))


def _read_coco(options: argparse.Namespace) -> DataSet:
    return read_coco(options.source, options.images, classes=_classes(options))


def _read_yolo(options: argparse.Namespace) -> DataSet:
    return read_yolo(options.source, options.split, classes=_classes(options))


def _read_csv(options: argparse.Namespace) -> DataSet:
    return read_csv(options.source, options.images, classes=_classes(options))


def _prepare_scenes(options: argparse.Namespace) -> None:
    write_scenes(options.output, images=options.images, seed=options.seed)


def _inspect(options: argparse.Namespace) -> None:
    # Before the labels are read, which may take long.
    _expect_positive("num-classes", options.num_classes)
    _expect_positive("count", options.count)
    expect_report(options.json)
    source = open_labels(options.data, options.annotations, attribute=options.label_attribute)
    inspection = inspect(str(options.data), source, num_classes=options.num_classes, decode=options.decode == "all")
    print(as_text(inspection))
    if options.json is not None:
        write_report(as_json(inspection), options.json)
    if options.draw is not None:
        pictures = draw_labels(source, inspection.suspicions, options.draw, count=options.count)
        print(f"\n{counted(len(pictures), 'picture')} in {options.draw}")
    inspection.check()


def _expect_positive(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UserError(f"--{name}: expected an integer of at least 1, got {value}")


def _draw(options: argparse.Namespace) -> None:
    from gluon_ssd.tools.draw import draw_detections  # noqa: PLC0415 - MXNet takes a second to import

    pictures = draw_detections(
        options.model, options.records, options.output, count=options.count, threshold=options.threshold
    )
    print(f"{counted(len(pictures), 'picture')} in {options.output}")


def _fetch_weights(options: argparse.Namespace) -> None:
    from gluon_ssd.tools import fetch_weights  # noqa: PLC0415 - MXNet takes a second to import

    store = os.environ.get(fetch_weights.STORE_VARIABLE) or fetch_weights.STORE
    if not store.startswith(("http://", "https://")):
        raise UserError(f"{fetch_weights.STORE_VARIABLE}: expected an http:// or https:// address, got {store!r}")
    # All are looked up before the first is fetched.
    for weight_file in [fetch_weights.choose(base_network) for base_network in options.networks]:
        print(fetch_weights.fetch(weight_file, options.output, store=store), flush=True)


if __name__ == "__main__":
    sys.exit(main())
