"""A job in a temporary base folder, run by the real entry point as SageMaker runs it."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.sample import Sample

TRAIN = Path(__file__).parent.parent.parent / "entrypoints" / "train"

SMALLEST = {
    "base_network": "resnet-50",
    "image_shape": "64",
    "num_classes": "2",
    "num_training_samples": "8",
    "mini_batch_size": "4",
    "epochs": "1",
}


@dataclass(frozen=True)
class Ended:
    """How a job ended: exit code, everything it printed, and what the failure file says (None without one)."""

    code: int
    log: str
    failure: str | None


@dataclass
class Job:
    base: Path
    hyperparameters: dict[str, str] = field(default_factory=lambda: dict(SMALLEST))
    channels: Mapping[str, object] = field(
        default_factory=lambda: {
            name: {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
            for name in ("train", "validation")
        }
    )

    @property
    def model(self) -> Path:
        return self.base / "model"

    def write_config(self) -> None:
        config = self.base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps(self.hyperparameters))
        (config / "inputdataconfig.json").write_text(json.dumps(self.channels))
        (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))

    def write_records(self, channel: str, payloads: Sequence[bytes], name: str = "data.rec") -> Path:
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            for payload in payloads:
                write_record(stream, payload)
        return path

    def write_images(self, channel: str, samples: Sequence[Sample], annotations: str = "") -> None:
        """Write 80x60 images, some in nested folders, and their annotations into a channel of these."""
        data = self.base / "input" / "data"
        for number, sample in enumerate(samples):
            stem = f"deep/er/{number:03}" if number % 2 else f"{number:03}"
            document = {
                "file": f"{stem}.jpg",
                "image_size": [{"width": 80, "height": 60, "depth": 3}],
                "annotations": [_annotation(row) for row in sample.objects.tolist()],
                "categories": [{"class_id": 0, "name": "red"}, {"class_id": 1, "name": "blue"}],
            }
            image = data / channel / f"{stem}.jpg"
            label = data / (annotations or f"{channel}_annotation") / f"{stem}.json"
            for path, content in ((image, sample.image), (label, json.dumps(document).encode())):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def start(self, *before: str, **environment: str) -> subprocess.Popen[str]:
        """Start the job; `before` are words of a command that runs it."""
        return subprocess.Popen(
            [*before, str(TRAIN)],
            env={**clean_environment(), "SAGEMAKER_BASE_DIR": str(self.base), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *before: str, **environment: str) -> Ended:
        return self.finish(self.start(*before, **environment))

    def run_and_stop(
        self, when: Callable[[str], bool], number: signal.Signals = signal.SIGTERM, **environment: str
    ) -> Ended:
        """Send a signal to all processes as soon as a line of the log says so."""
        process = self.start(**environment)
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(line)
            if when(line):
                os.killpg(process.pid, number)  # workers too, as when a shell ends a job
                break
        ended = self.finish(process)
        return Ended(ended.code, "".join(seen) + ended.log, ended.failure)

    def finish(self, process: subprocess.Popen[str]) -> Ended:
        log, _ = process.communicate(timeout=300)
        failure = self.base / "output" / "failure"
        return Ended(process.returncode, log, failure.read_text() if failure.exists() else None)


def assert_in_order(log: str, lines: Sequence[str]) -> None:
    """Assert that a log has these parts of lines, one after the other."""
    rest = log
    for line in lines:
        assert line in rest, f"missing, or out of order: {line}\n{log}"
        rest = rest[rest.index(line) + len(line) :]


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change a job."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"SAGEMAKER_BASE_DIR", "TRAINING_JOB_NAME", "OMP_NUM_THREADS", "GLUON_SSD_PRETRAINED"}
    }


def picture(seed: int, class_id: int) -> Sample:
    """A noisy 80x60 JPEG with one bright rectangle: red of class 0, or blue of class 1."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (60, 80, 3), dtype=np.uint8)
    left, top = int(rng.integers(4, 30)), int(rng.integers(4, 20))
    image[top : top + 30, left : left + 40] = ((0, 0, 230), (230, 0, 0))[class_id]
    row = [class_id, left / 80, top / 60, (left + 40) / 80, (top + 30) / 60, 0]
    return Sample(cv2.imencode(".jpg", image)[1].tobytes(), np.array([row], np.float32))


def _annotation(row: Sequence[float]) -> dict[str, int]:
    class_id, *corners, _ = row
    left, top, right, bottom = (round(part * side) for part, side in zip(corners, (80, 60, 80, 60), strict=True))
    return {"class_id": int(class_id), "left": left, "top": top, "width": right - left, "height": bottom - top}


def pictures(count: int) -> list[bytes]:
    """`count` image records, classes 0 and 1 in turn."""
    return [pack(picture(index, index % 2), index) for index in range(count)]
