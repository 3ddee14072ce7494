"""The image: its size, a rebuild after a change of the source, and the time until a container's first line.

Peers in the same run: a build in which nothing has changed, and a container that prints one line, which take what the
engine takes. The image must have been built (`make image`), with `BASE_IMAGE` in the environment if it was then. Sizes
are those of Docker's own store of images.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gluon_ssd.tools.job_folder import lay_out
from gluon_ssd.tools.scenes import write_scenes

BUILT = "gluon-ssd:benchmark"
ROOT = Path(__file__).parent.parent
SETTINGS = {
    "base_network": "resnet-18",
    "image_shape": "64",
    "num_classes": "5",
    "mini_batch_size": "4",
    "epochs": "1",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    image = f"gluon-ssd:{options.device}"
    size = int(output("docker", "image", "inspect", "--format", "{{.Size}}", image))
    print(f"{image}: {size / 1e9:.2f} GB, {compressed(image) / 1e9:.2f} GB by gzip -1\n")
    print(f"{'seconds, median of ' + str(options.rounds):>34} {'ours':>6} {'peer':>6}")
    with tempfile.TemporaryDirectory() as name:
        builds(copied(Path(name) / "source"), options.device, options.rounds)
        runs(image, job_folder(Path(name) / "job"), options.rounds)


def builds(source: Path, device: str, rounds: int) -> None:
    """Print the row of a rebuild."""
    try:
        build(source, device)
        rebuilt = median(rounds, lambda: build(changed(source), device))
        row("build after a change of the source", rebuilt, median(rounds, lambda: build(source, device)))
    finally:
        subprocess.run(["docker", "image", "rm", BUILT], stdout=subprocess.DEVNULL, check=False)  # noqa: S603, S607


def runs(image: str, job: Path, rounds: int) -> None:
    """Print the rows of a container that trains."""
    volume = ("--volume", f"{job}:/opt/ml")
    ours = [run(*volume, image, "train") for _ in range(rounds)]
    peer = [run(image, "echo", "a line") for _ in range(rounds)]
    for place, what in enumerate(("docker run to the first line", "a whole job on 8 images")):
        row(what, *(statistics.median(seconds[place] for seconds in measured) for measured in (ours, peer)))


def row(what: str, ours: float, peer: float) -> None:
    """Print a row of the table."""
    print(f"{what:>34} {ours:>6.2f} {peer:>6.2f}", flush=True)


def median(rounds: int, act: Callable[[], object]) -> float:
    """Return the median of the seconds that something takes."""
    seconds = []
    for _ in range(rounds):
        before = time.monotonic()
        act()
        seconds.append(time.monotonic() - before)
    return statistics.median(seconds)


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - ours


def compressed(image: str) -> int:
    """Return the bytes of an image as it travels."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:  # noqa: S603, S607
        counted = subprocess.run("gzip -1 | wc -c", stdin=saved.stdout, shell=True, check=True, stdout=subprocess.PIPE)  # noqa: S602, S607
    if saved.returncode:
        sys.exit(f"docker save {image}: expected it to succeed, got exit code {saved.returncode}")
    return int(counted.stdout)


def copied(folder: Path) -> Path:
    """Copy what an image is built from, to change it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "demo", "inventory"))
    shutil.copy(ROOT / ".dockerignore", folder)
    return folder


def changed(source: Path) -> Path:
    """Change a module of the program as nobody has before."""
    with (source / "src" / "gluon_ssd" / "job.py").open("a") as module:
        module.write(f"# {time.time_ns()}\n")
    return source


def build(source: Path, device: str) -> None:
    """Build the image, under a name of its own."""
    arguments = [word for name in ("BASE_IMAGE", "EXTRA_CA_PEM", "PIP_INDEX_URL") for word in ("--build-arg", name)]
    command = ["docker", "build", "--quiet", "--tag", BUILT, *arguments, "--build-arg", f"DEVICE={device}", str(source)]
    built = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - ours
    if built.returncode:
        sys.exit(built.stderr)


def job_folder(folder: Path) -> Path:
    """Lay out a job on generated scenes as SageMaker does."""
    scenes = folder.with_name("scenes.rec")
    write_scenes(scenes, images=8, seed=0)
    return lay_out(folder, train=scenes, validation=scenes, hyperparameters=SETTINGS).base


def run(*words: str) -> tuple[float, float]:
    """Run a container; return the seconds until its first line and until its end."""
    before = time.monotonic()
    command = ["docker", "run", "--rm", "--user", str(os.getuid()), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        if process.stdout is None:
            raise TypeError
        first = process.stdout.readline()
        to_first = time.monotonic() - before
        rest = process.stdout.read()
    if process.returncode:
        sys.exit(first + rest)
    return to_first, time.monotonic() - before


if __name__ == "__main__":
    main()
