"""The command `gluon-ssd`, run as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.job import clean_environment
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.tools.scenes import write_scenes
from opencv_pixels import decoded
from weight_store import serving

GLUON_SSD = str(Path(sys.executable).with_name("gluon-ssd"))


def gluon_ssd(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GLUON_SSD, *map(str, arguments)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "scenes.rec"
    write_scenes(path, images=6, seed=3)
    return path


CLASSES = ("--hyperparameter", "num_classes=5")
TINY = ("num_classes=5", "base_network=resnet-50", "image_shape=64", "epochs=1", "mini_batch_size=3")


def test_ctrl_c_leaves_no_trace_while_the_command_is_still_being_imported() -> None:
    # Where the tests run in the background, the shell has Ctrl-C ignored, and programs inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "gluon_ssd", "--help"],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert any(line.split()[-1] == "gluon_ssd.errors" for line in process.stderr)  # the first of many
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in rest


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(("form", "name"), [("recordio", "t.rec"), ("json", "t"), ("manifest", "t.manifest")])
def test_ctrl_c_ends_prepare_without_a_trace(tmp_path: Path, form: str, name: str, jobs: str) -> None:
    cv2.imwrite(str(tmp_path / "0.jpg"), np.zeros((3000, 4000, 3), np.uint8))  # slow enough to be interrupted
    for number in range(1, 200):
        (tmp_path / f"{number}.jpg").hardlink_to(tmp_path / "0.jpg")
    (tmp_path / "boxes.csv").write_text("".join(f"{number}.jpg,1,2,3,4,cat\n" for number in range(200)))
    output = tmp_path / "output"
    command = [GLUON_SSD, "prepare", "csv", str(tmp_path / "boxes.csv")]
    options = ["--format", form, "--output", str(output / name), "--jobs", jobs, "--max-side", "500"]
    # Where the tests run in the background, the shell has Ctrl-C ignored, and programs inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, *options], env=clean_environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in output.glob(".*/*") if path.is_file() or any(path.iterdir())):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # to all processes, as a terminal does
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert list(output.iterdir()) == []


@pytest.mark.parametrize("module", ["gluon_ssd.train", "gluon_ssd.cli"])
def test_starting_needs_no_mxnet(module: str) -> None:
    # It reads OMP_NUM_THREADS when it is imported, and takes a second: not for a --help.
    script = f"import sys, {module}; sys.exit('mxnet' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(("command", "code"), [("inspect", 141), ("help", 0), ("train", 141)])
def test_a_reader_that_goes_away_ends_a_command_without_a_trace(
    scenes: Path, tmp_path: Path, command: str, code: int
) -> None:
    arguments = {
        "inspect": ["inspect", str(scenes)],
        "help": ["train", "--help"],
        "train": ["train", "--train", str(scenes), "--validation", str(scenes), "--output", str(tmp_path / "job")],
    }[command]
    options = ["--hyperparameter", *TINY] if command == "train" else []
    read, written = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [GLUON_SSD, *arguments, *options],
            env=clean_environment(),
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(written)
    assert (ended.returncode, ended.stderr) == (code, "")


def test_names_that_the_locale_lacks_are_printed_with_backslashes(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.jpg"), np.full((60, 80, 3), 100, np.uint8))
    (tmp_path / "boxes.csv").write_text("0.jpg,10,10,50,40,B\u00e4r\n", encoding="utf-8")
    command = [GLUON_SSD, "prepare", "csv", str(tmp_path / "boxes.csv"), "--output", str(tmp_path / "b.rec")]
    environment = {**clean_environment(), "LC_ALL": "C", "PYTHONUTF8": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "classes: 0 B\\xe4r (1)" in ended.stdout


@pytest.fixture(scope="module")
def trained(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("trained") / "job"
    ended = gluon_ssd(
        "train", "--train", scenes, "--validation", scenes.parent, "--output", folder, "--hyperparameter", *TINY
    )
    return folder, ended


def test_train_lays_out_a_job_and_runs_it(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, ended = trained
    assert ended.returncode == 0, ended.stdout + ended.stderr
    config = json.loads((folder / "input" / "config" / "hyperparameters.json").read_text())
    assert config == {"num_training_samples": "6", **dict(pair.split("=") for pair in TINY)}
    assert (folder / "output" / "model.tar.gz").exists()
    description = json.loads((folder / "model" / "model.json").read_text())
    assert description["class_names"] == ["ball", "cone", "crate", "leaf", "mug"]


def test_log_of_a_job_shows_no_progress_bar_in_a_file(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, ended = trained
    assert ended.stderr == ""
    assert "\r" not in ended.stdout


def test_train_takes_the_folders_that_prepare_writes(tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog")):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.full((60, 80, 3), 200 * number, np.uint8))
        with (tmp_path / "boxes.csv").open("a") as table:
            table.write(f"{number}.jpg,10,10,50,40,{name}\n")
    images = tmp_path / "channels" / "train"
    prepared = gluon_ssd("prepare", "csv", tmp_path / "boxes.csv", "--format", "json", "--output", images)
    assert prepared.returncode == 0, prepared.stderr
    folder = tmp_path / "job"
    hyperparameters = ("num_classes=2", *TINY[1:])
    ended = gluon_ssd(
        "train", "--train", images, "--validation", images, "--output", folder, "--hyperparameter", *hyperparameters
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "train channel: 2 images, 2 objects, 0 images without objects" in ended.stdout
    assert "num_training_samples: expected" not in ended.stdout
    assert json.loads((folder / "model" / "model.json").read_text())["class_names"] == ["cat", "dog"]


def test_folders_that_were_prepared_with_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.jpg"), np.full((60, 80, 3), 100, np.uint8))
    (tmp_path / "boxes.csv").write_text("0.jpg,10,10,50,40,cat\n0.jpg,10,10,50,30,dog\n")
    for name, classes in (("train", "cat,dog"), ("val", "dog,cat")):
        options = ("--format", "json", "--classes", classes, "--output", tmp_path / name)
        assert gluon_ssd("prepare", "csv", tmp_path / "boxes.csv", *options).returncode == 0
    sources = ("--train", tmp_path / "train", "--validation", tmp_path / "val", "--output", tmp_path / "job")
    ended = gluon_ssd("train", *sources, "--hyperparameter", "num_classes=2", *TINY[1:])
    assert ended.returncode == 2
    assert "got cat, dog in the train channel and dog, cat in the validation channel" in ended.stdout


def test_train_takes_one_coco_file_for_both_splits(tmp_path: Path) -> None:
    images = []
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        cv2.imwrite(str(tmp_path / split / f"{split}.jpg"), np.full((60, 80, 3), 100, np.uint8))
        images.append({"id": split, "file_name": f"{split}.jpg"})
    boxes = [{"image_id": image["id"], "category_id": 7, "bbox": [10, 10, 40, 30]} for image in images]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 7, "name": "owl"}]}
    (tmp_path / "instances.json").write_text(json.dumps(document))
    sources = ("--train", tmp_path / "train", "--validation", tmp_path / "val")
    ended = gluon_ssd(
        *("train", *sources, "--annotations", tmp_path / "instances.json", "--output", tmp_path / "job"),
        *("--hyperparameter", "num_classes=1", *TINY[1:]),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "validation channel: 1 image, 1 object, 0 images without objects" in ended.stdout


def test_draw_shows_what_the_model_finds(
    trained: tuple[Path, subprocess.CompletedProcess[str]], scenes: Path, tmp_path: Path
) -> None:
    ended = gluon_ssd(
        "draw", trained[0] / "model", scenes, "--output", tmp_path, "--count", "2", "--threshold", "0.011"
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"2 pictures in {tmp_path}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenes_00000.png", "scenes_00001.png"]
    picture = decoded((tmp_path / "scenes_00000.png").read_bytes())
    sample = RecordIODataset.open(scenes.parent, channel="train", num_classes=5, label_width=350)[0]
    plain = cv2.resize(decoded(sample.image), None, fx=2, fy=2)
    assert picture.shape == plain.shape == (480, 640, 3)
    # Boxes and their labels, in the colors of the classes, cover a good part of it at so low a threshold.
    assert (np.abs(picture.astype(int) - plain).max(axis=2) > 40).mean() > 0.01


def test_inspect_reports_draws_and_ends_with_what_to_ask_of_a_job(scenes: Path, tmp_path: Path) -> None:
    ended = gluon_ssd("inspect", scenes, "--draw", tmp_path / "pictures", "--count", "2", "--json", tmp_path / "r.json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"{scenes}\n  images            6, 0 of them without objects\n" in ended.stdout
    assert ended.stdout.endswith(
        "A job on it takes\n  --hyperparameter num_classes=5 num_training_samples=6 label_width=26\n"
        f"\n2 pictures in {tmp_path / 'pictures'}\n"
    )
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "000_plain_scenes.rec_record_0.png",
        "001_plain_scenes.rec_record_3.png",
    ]
    assert json.loads((tmp_path / "r.json").read_text())["statistics"]["images"] == 6


def test_inspect_reports_before_it_ends_with_what_a_job_refuses(scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.rec").write_bytes(scenes.read_bytes()[:-9])
    ended = gluon_ssd("inspect", tmp_path / "cut.rec")
    assert ended.returncode == 2
    assert f"{tmp_path / 'cut.rec'}\n  images            5, 0 of them without objects\n" in ended.stdout
    assert "\nA job refuses\n  Unable to parse record." in ended.stdout
    assert ended.stderr.startswith("gluon-ssd: Unable to parse record.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["train", "--train", "nothing.rec", "--validation", "nothing.rec", "--output", "out", *CLASSES],
            "nothing.rec",
        ),
        (
            ["train", "--train", "out", "--annotations", "no", "--validation", "out", "--output", "out", *CLASSES],
            "got nothing there",
        ),
        (["prepare", "voc", "nowhere", "--split", "train", "--output", "out.rec"], "nowhere"),
        (["prepare", "coco", "nothing.json", "--images", "out", "--output", "out.rec"], "expected the folder of the"),
        (["prepare", "yolo", "nowhere", "--split", "train", "--output", "out.rec"], "nowhere"),
        (["prepare", "csv", "nothing.csv", "--output", "out.rec"], "nothing.csv"),
        (["prepare", "csv", "nothing.csv", "--classes", "a,a", "--output", "out.rec"], "'a' twice"),
        (["prepare", "scenes", "--images", "2", "--output", "out.bin"], ".rec"),
        (["inspect", "nothing.rec"], "nothing.rec: expected a .rec or .manifest file, or a folder of either or of "),
        (["inspect", "nowhere", "--annotations", "nothing"], "nowhere: expected a .rec or .manifest file"),
        (["inspect", "nothing.rec", "--count", "0"], "--count: expected an integer of at least 1, got 0"),
        (["inspect", "nothing.rec", "--num-classes", "0"], "--num-classes: expected an integer of at least 1, got 0"),
        (["draw", "nowhere", "nothing.rec", "--output", "pictures"], "nowhere"),
        (["draw", "nowhere", "nothing.rec", "--output", "pictures", "--count", "-1"], "--count: expected an integer"),
        (["predict", "nowhere", "nothing.jpg"], "nothing.jpg: expected an image or a folder of images, got nothing"),
        (["predict", "nowhere", "out.jpg", "--threshold", "40"], "--threshold: expected a score from 0 to 1, got 40"),
        (["evaluate", "nowhere", "nothing.rec"], "expected a folder or a model.tar.gz, got"),
        (["evaluate", "nothing.onnx", "nothing.rec"], "nothing.onnx: expected a file that can be read"),
        (["export", "nowhere"], "export: expected --onnx FILE or --deploy DIR, got neither"),
        (
            ["draw", "nowhere", "nothing.rec", "--output", "pictures", "--threshold", "40"],
            "--threshold: expected a score",
        ),
    ],
)
def test_mistakes_end_with_a_message(tmp_path: Path, arguments: list[str], words: str) -> None:
    ended = gluon_ssd(*[str(tmp_path / text) if text.startswith(("no", "out", "pict")) else text for text in arguments])
    assert ended.returncode == 2
    assert ended.stderr.startswith("gluon-ssd: ")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_with_an_earlier_job_is_not_written_into(
    trained: tuple[Path, subprocess.CompletedProcess[str]], scenes: Path
) -> None:
    ended = gluon_ssd("train", "--train", scenes, "--validation", scenes, "--output", trained[0], *CLASSES)
    assert ended.returncode == 2
    assert "new or empty" in ended.stderr


def test_weights_that_a_store_does_not_have_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as store:
        monkeypatch.setenv("MXNET_GLUON_REPO", store.address)
        ended = gluon_ssd("fetch-weights", "--output", tmp_path / "weights")
        assert store.requests == ["/gluon/models/vgg16_atrous-4fa2e1ad.zip"]
    assert ended.returncode == 3
    assert ended.stderr == (
        f"gluon-ssd: {store.address}/gluon/models/vgg16_atrous-4fa2e1ad.zip: expected a file, got 404 Not Found; set "
        "MXNET_GLUON_REPO to a store that has it, or put vgg16_atrous-4fa2e1ad.params (SHA-1 "
        f"4fa2e1ad96b8c8d1ba9e5a43556cd909d70b3985) into {tmp_path}/weights by hand\n"
    )
    assert list((tmp_path / "weights").iterdir()) == []


def test_hyperparameters_are_name_and_value(scenes: Path, tmp_path: Path) -> None:
    ended = gluon_ssd(
        "train", "--train", scenes, "--validation", scenes, "--output", tmp_path / "job", "--hyperparameter", "epochs"
    )
    assert ended.returncode == 2
    assert "NAME=VALUE" in ended.stderr


def test_hyperparameters_are_checked_before_a_folder_is_made(scenes: Path, tmp_path: Path) -> None:
    ended = gluon_ssd(
        "train", "--train", scenes, "--validation", scenes, "--output", tmp_path / "job", *CLASSES, "epoch=3"
    )
    assert ended.returncode == 2
    assert "epoch: no such hyperparameter, did you mean 'epochs'?" in ended.stderr
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["train"],
        *(["prepare", source] for source in ("voc", "coco", "yolo", "csv", "scenes")),
        ["inspect"],
        ["draw"],
        ["predict"],
        ["evaluate"],
        ["export"],
        ["fetch-weights"],
    ],
)
def test_help_has_an_example(command: list[str]) -> None:
    ended = gluon_ssd(*command, "--help")
    assert ended.returncode == 0
    assert f"  gluon-ssd {' '.join(command)}" in ended.stdout
    if command[0] == "prepare":
        assert set(re.findall(r"^  gluon-ssd prepare (\w+)", ended.stdout, re.MULTILINE)) == {command[1]}


def test_the_version_is_that_of_the_package() -> None:
    ended = gluon_ssd("--version")
    assert (ended.returncode, ended.stdout) == (0, "gluon-ssd 0.1.0\n")


def test_a_locale_that_cannot_name_the_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("B\u00e4r.jpg,10,10,50,40,bear\n", encoding="utf-8")
    command = [GLUON_SSD, "prepare", "csv", str(tmp_path / "boxes.csv"), "--output", str(tmp_path / "b.rec")]
    environment = {**clean_environment(), "LC_ALL": "C", "PYTHONUTF8": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert re.fullmatch(
        r"gluon-ssd: file names: expected a locale .*B\\xe4r\.jpg'; set LC_ALL=C\.UTF-8\n", ended.stderr
    )
