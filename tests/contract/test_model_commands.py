"""What one does with the model that a job has left: `predict`, `evaluate` and `export`, run as a user runs them."""

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from contract.job import SMALLEST, Ended, Job, clean_environment, picture, pictures
from detections_compared import assert_same_detections
from gluon_ssd.cli import main
from gluon_ssd.data import images
from gluon_ssd.data.class_names import write_class_names
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample
from gluon_ssd.detector import Detector
from gluon_ssd.onnx_network import OnnxNetwork
from gluon_ssd.ssd.network import found
from gluon_ssd.tools.export import export
from opencv_pixels import decoded

STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
README = (Path(__file__).parent.parent.parent / "README.md").read_text()
GLUON_SSD = [sys.executable, "-m", "gluon_ssd.cli"]
Command = Callable[..., tuple[int, str, str]]
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # sums in another order are other numbers

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Trained:
    """A job of two epochs that has learned a little, and a PNG image."""

    job: Job
    ended: Ended
    image: Path

    @property
    def validation(self) -> Path:
        return self.job.base / "input" / "data" / "validation"

    @property
    def archive(self) -> Path:
        return self.job.base / "output" / "model.tar.gz"

    @property
    def onnx(self) -> Path:
        return self.job.model / "model.onnx"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    job = Job(tmp_path_factory.mktemp("trained") / "job")
    job.base.mkdir()
    job.hyperparameters = SMALLEST | {
        "num_training_samples": "12",
        "mini_batch_size": "3",
        "epochs": "2",
        "optimizer": "adam",
        "learning_rate": "0.0005",
        "augmentation": "none",
        "nms_topk": "30",
        "export_onnx": "1",
    }
    job.write_config()
    for channel, count in (("train", 12), ("validation", 7)):
        path = job.write_records(channel, pictures(count))
        write_class_names(path.with_suffix(".classes"), ["red", "blue"])
    image = job.base.parent / "image.png"
    cv2.imwrite(str(image), cv2.resize(decoded(picture(3, 1).image), (160, 64)))
    return Trained(job, job.run(**ONE_THREAD), image)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process, which has MXNet already; returns exit code, output and errors."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # or the command would set it for all tests to come

    return partial(_run_main, capsys)


def _run_main(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


def gluon_ssd(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GLUON_SSD, *map(str, arguments)],
        env=clean_environment() | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_job_leaves_its_model_in_onnx_where_it_is_asked_to(trained: Trained) -> None:
    assert trained.ended.code == 0, trained.ended.log
    assert f'Wrote "{trained.onnx}" in ' in trained.ended.log
    assert "Input shape of the model" not in trained.ended.log  # what MXNet's translation would say


@pytest.mark.parametrize("form", ["archive", "onnx"])
def test_scores_are_those_of_the_jobs_validation(trained: Trained, tmp_path: Path, form: str) -> None:
    model = {"archive": trained.archive, "onnx": trained.onnx}[form]
    scores = tmp_path / "scores.json"
    ended = gluon_ssd("evaluate", model, trained.validation, "--batch-size", "3", "--json", scores)
    assert ended.returncode == 0, ended.stderr
    assert "7 images, 7 objects, " in ended.stdout
    reported = json.loads((trained.job.model / "model.json").read_text())["scores"]
    assert reported["validation:mAP"] > 0
    told = {name: value for name, value in json.loads(scores.read_text()).items() if name in reported}
    if form == "archive":
        assert told == reported
    else:
        assert told == pytest.approx(reported, abs=1e-3)
    classes = json.loads(scores.read_text())["classes"]
    assert [(entry["name"], entry["objects"]) for entry in classes] == [("red", 4), ("blue", 3)]
    lines = dict(re.findall(r"validation AP of class (\w+): (\S+)", trained.ended.log))
    assert set(lines) == {"red", "blue"}


def test_labels_of_another_class_than_the_models_are_refused(trained: Trained, tmp_path: Path, run: Command) -> None:
    sample = picture(0, 0)
    rows = sample.objects.copy()
    rows[0, 0] = 2
    job = Job(tmp_path)
    path = job.write_records("other", [pack(Sample(sample.image, rows), 0)])
    code, _, errors = run("evaluate", trained.onnx, path)
    assert code == 2
    assert "record 0, object 0: expected a class id from 0 to 1, since num_classes is 2, got 2" in errors
    path = job.write_records("named", pictures(1))
    write_class_names(path.with_suffix(".classes"), ["blue", "red"])
    code, _, errors = run("evaluate", trained.onnx, path)
    assert code == 2
    assert "expected those of the model, red, blue, got blue, red" in errors


def test_predict_tells_draws_and_goes_on_after_an_image_that_is_none(trained: Trained, tmp_path: Path) -> None:
    folder, drawn = tmp_path / "images", tmp_path / "drawn"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "good.PNG").write_bytes(trained.image.read_bytes())
    ended = gluon_ssd("predict", trained.job.model, folder, trained.image, "--threshold", "0.02", "--draw", drawn)
    assert ended.returncode == 2
    assert "broken.jpg: left out: expected a JPEG or PNG image" in ended.stderr
    assert ended.stderr.endswith("images: expected JPEG or PNG images, got 1 of 3 that cannot be read\n")
    assert sorted(path.name for path in drawn.iterdir()) == ["good.png", "image.png"]

    detections = Detector.read(trained.job.model, mx.cpu()).detect(trained.image.read_bytes())
    best = detections[0]
    first, second = ended.stdout.splitlines()[:2]
    count = int((detections[:, 1] >= 0.02).sum())
    assert first == f"{folder / 'good.PNG'}: 160 x 64, {count} objects"
    name, score, *box = second.split()
    assert (name, score) == (("red", "blue")[int(best[0])], f"{best[1]:.3f}")
    np.testing.assert_allclose([float(part) for part in box], best[2:] * [160, 64, 160, 64], atol=0.06)


def test_predict_replies_in_json_as_the_built_in_does(trained: Trained, run: Command) -> None:
    code, output, _ = run("predict", trained.onnx, trained.image, "--threshold", "0.02", "--json")
    assert code == 0
    (line,) = output.splitlines()
    reply = json.loads(line)
    assert reply["image"] == str(trained.image)
    detections = Detector.read(trained.job.model, mx.cpu()).detect(trained.image.read_bytes())
    expected = detections[detections[:, 1] >= 0.02]
    assert len(expected) > 2
    assert_same_detections(np.array(reply["prediction"], np.float32), expected, atol=2e-5)


def test_pictures_never_take_the_place_of_images(trained: Trained, run: Command) -> None:
    before = trained.image.read_bytes()
    code, _, errors = run("predict", trained.job.model, trained.image, "--draw", trained.image.parent)
    assert code == 2
    assert "expected a folder without the images, got one with" in errors
    assert trained.image.read_bytes() == before


def test_export_writes_what_mxnet_and_onnx_runtime_load(trained: Trained, tmp_path: Path, run: Command) -> None:
    deploy, onnx = tmp_path / "deploy", tmp_path / "new" / "detector.onnx"
    code, output, errors = run("export", trained.job.model, "--deploy", deploy, "--onnx", onnx)
    assert code == 0, errors
    assert output == f"3 files in {deploy}\n{onnx}: 110 MB\n"
    pixels = images.decode(trained.image.read_bytes())[:, :64]
    expected = Detector.read(trained.job.model, mx.cpu()).detect_pixels(pixels)
    symbol, arguments, states = mx.model.load_checkpoint(str(deploy / "deploy_model_algo_1"), 0)
    rows = by_module(symbol, arguments, states, pixels)
    assert_same_detections(rows, expected, atol=2e-5)
    properties = onnxruntime.InferenceSession(str(onnx)).get_modelmeta().custom_metadata_map
    assert json.loads(properties["class_names"]) == ["red", "blue"]
    assert json.loads(properties["image_shape"]) == 64
    code, _, errors = run("export", trained.job.model, "--onnx", onnx)
    assert code == 2
    assert "--onnx: expected a new file, got " in errors


def test_the_deploy_graph_of_the_artifact_takes_its_parameters(trained: Trained) -> None:
    pixels = images.decode(trained.image.read_bytes())[:, -64:]
    symbol = mx.sym.load(str(trained.job.model / "deploy_model_algo_1-symbol.json"))
    arguments, states = mx.model.load_params(str(trained.job.model / "model_algo_1"), 0)
    rows = by_module(symbol, arguments, states, pixels)
    assert_same_detections(rows, Detector.read(trained.job.model, mx.cpu()).detect_pixels(pixels), atol=2e-5)


def by_module(
    symbol: mx.sym.Symbol,
    arguments: dict[str, mx.nd.NDArray],
    states: dict[str, mx.nd.NDArray],
    pixels: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """What MXNet's Module finds in pixels (64, 64, 3)."""
    module = mx.mod.Module(symbol, data_names=["data"], label_names=None)
    module.bind([("data", (1, 3, 64, 64))], for_training=False)
    module.set_params(arguments, states)
    module.forward(mx.io.DataBatch([mx.nd.array(pixels.transpose(2, 0, 1)[np.newaxis])]), is_train=False)
    return found(module.get_outputs()[0].asnumpy()[0])


def test_the_snippets_of_the_readme_find_the_same(trained: Trained, tmp_path: Path) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(snippets) == 3
    model = Path(shutil.copytree(trained.job.base, tmp_path / "job")) / "model"
    # Another mean and deviation than those of resnet-50, which change nothing.
    description = json.loads((model / "model.json").read_text())
    description |= {"input_mean": [9.0, 4.0, 1.0], "input_std": [1.5, 2.0, 0.5]}
    (model / "model.json").write_text(json.dumps(description))
    (model / "model.onnx").unlink()
    export(model, onnx=model / "model.onnx")
    square = cv2.resize(decoded(trained.image.read_bytes()), (64, 64))
    image = turned(cv2.imencode(".jpg", square)[1].tobytes())
    (tmp_path / "image.jpg").write_bytes(image)
    assert not np.array_equal(decoded(image), decoded(image, STORED))
    expected = Detector.read(model, mx.cpu()).detect(image)
    assert len(expected) > 1
    for snippet in snippets:
        script = f"{snippet}\nimport numpy\nnumpy.save('rows.npy', getattr(rows, 'asnumpy', lambda: rows)())"
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=clean_environment() | ONE_THREAD, check=True)
        rows = np.load(tmp_path / "rows.npy")
        assert_same_detections(rows[rows[:, 0] >= 0], expected, atol=2e-5)


def turned(jpeg: bytes) -> bytes:
    """A JPEG whose EXIF data asks for it to be shown upside down."""
    entries = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 3, 0, 0)  # one entry: orientation, a short, 180 degrees
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entries
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_a_file_that_is_no_such_model_is_refused(tmp_path: Path, trained: Trained, run: Command) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    code, _, errors = run("predict", tmp_path / "m.onnx", trained.image)
    assert code == 2
    assert re.match(r"gluon-ssd: model, \S+m.onnx: expected an ONNX file, got: ", errors)


@pytest.mark.parametrize("threads", ["", "2,1", "many"])
def test_onnx_takes_any_number_of_threads_that_mxnet_does(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert OnnxNetwork(trained.onnx).description.image_shape == 64


def test_onnx_says_what_the_model_folder_says(trained: Trained) -> None:
    assert OnnxNetwork(trained.onnx).description == Detector.read(trained.job.model, mx.cpu()).description
