"""The subcommands of `gluon-ssd` that use a trained model: predict, evaluate, export."""

import argparse
import os
from pathlib import Path

from gluon_ssd.data.counted import counted
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import cpus
from gluon_ssd.subcommand import Commands, add_command, add_labeled_data
from gluon_ssd.tools import command_examples
from gluon_ssd.tools.json_report import expect_report, write_report

_MODEL = "the model folder of a job, its model.tar.gz, or an .onnx file that `export` wrote"


def add_predict(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `predict`."""
    parser = add_command(commands, "predict", "tell what a model finds in images", command_examples.PREDICT_EXAMPLES)
    parser.add_argument("model", type=Path, metavar="MODEL", help=_MODEL)
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGE", help="JPEG or PNG images, or folders of such images"
    )
    parser.add_argument(
        "--threshold", type=float, default=0.4, metavar="T", help="least score of an object that counts (default 0.4)"
    )
    parser.add_argument("--draw", type=Path, metavar="DIR", help="where pictures with boxes go (default: none)")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each image, not a table")
    parser.set_defaults(run=_predict)


def add_evaluate(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `evaluate`."""
    parser = add_command(
        commands, "evaluate", "score what a model finds in labeled images", command_examples.EVALUATE_EXAMPLES
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help=_MODEL)
    add_labeled_data(parser, "CHANNEL")
    parser.add_argument(
        "--overlap-threshold", type=float, default=0.5, metavar="T", help="IoU above which mAP counts (default 0.5)"
    )
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="images at a time (default 32)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the scores go as JSON besides")
    parser.set_defaults(run=_evaluate)


def add_export(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `export`."""
    parser = add_command(
        commands, "export", "write a model in a form that other programs load", command_examples.EXPORT_EXAMPLES
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model folder of a job, or its model.tar.gz")
    parser.add_argument("--onnx", type=Path, metavar="FILE", help="an ONNX file, with suppression inside")
    parser.add_argument(
        "--deploy", type=Path, metavar="DIR", help="a folder with an MXNet checkpoint that only detects"
    )
    parser.set_defaults(run=_export)


def _predict(options: argparse.Namespace) -> None:
    if not 0 <= options.threshold <= 1:
        raise UserError(f"--threshold: expected a score from 0 to 1, got {options.threshold:g}")
    cpus.claim(os.environ)
    from gluon_ssd.detector import Detector  # noqa: PLC0415 - MXNet takes a second, and reads OMP_NUM_THREADS
    from gluon_ssd.tools import predict  # noqa: PLC0415 - the same

    images = predict.find_images(options.images)
    pictures = {} if options.draw is None else predict.picture_names(images, options.draw)
    detector = Detector.read(options.model)
    for prediction in predict.predict(detector, images, threshold=options.threshold):
        print(prediction.as_json() if options.json else prediction.as_text(detector.class_names), flush=True)
        if pictures:
            predict.draw_prediction(prediction, pictures[prediction.path], detector.class_names)


def _evaluate(options: argparse.Namespace) -> None:
    expect_report(options.json)
    cpus.claim(os.environ)
    from gluon_ssd.detector import Detector  # noqa: PLC0415 - MXNet takes a second, and reads OMP_NUM_THREADS
    from gluon_ssd.tools import evaluate  # noqa: PLC0415 - the same

    scores = evaluate.evaluate_model(
        Detector.read(options.model),
        options.data,
        options.annotations,
        attribute=options.label_attribute,
        overlap_threshold=options.overlap_threshold,
        batch_size=options.batch_size,
    )
    print(evaluate.as_text(scores))
    if options.json is not None:
        write_report(evaluate.as_json(scores), options.json)


def _export(options: argparse.Namespace) -> None:
    if options.onnx is None and options.deploy is None:
        raise UserError("export: expected --onnx FILE or --deploy DIR, got neither")
    cpus.claim(os.environ)
    from gluon_ssd.tools.export import export  # noqa: PLC0415 - MXNet takes a second, and reads OMP_NUM_THREADS

    export(options.model, onnx=options.onnx, deploy=options.deploy)
    if options.deploy is not None:
        print(f"{counted(len(list(options.deploy.iterdir())), 'file')} in {options.deploy}")
    if options.onnx is not None:
        print(f"{options.onnx}: {options.onnx.stat().st_size / 1e6:.0f} MB")
