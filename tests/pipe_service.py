"""SageMaker's side of Pipe mode: it makes a FIFO for each epoch of a channel and writes the channel's objects into it.

As a program: pipe_service.py CHANNEL_FOLDER EPOCHS FILE..., which ends by itself when all epochs are written.
"""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHUNK = 4099  # bytes: nothing in a record is as long
LATE = 0.02  # seconds before a FIFO is there


class PipeService:
    """Serves one channel; `log` says how each of its epochs ended: `read` to the end, or `closed` early."""

    def __init__(self, folder: Path, epochs: Sequence[bytes], *, chunk: int = CHUNK, pause: float = 0) -> None:
        self.log: list[str] = []
        self._folder = folder
        self._epochs = epochs
        self._chunk = chunk
        self._pause = pause
        self._stopped = threading.Event()

    def run(self) -> None:
        for number, content in enumerate(self._epochs):
            time.sleep(LATE)
            fifo = self._folder.with_name(f"{self._folder.name}_{number}")
            os.mkfifo(fifo)
            descriptor = self._open(fifo)
            if descriptor is None:
                return
            self.log.append(self._write(descriptor, content))

    def stop(self) -> None:
        self._stopped.set()

    def _open(self, fifo: Path) -> int | None:
        """Wait for a reader, without being caught in a call that waits for ever."""
        while not self._stopped.wait(0.005):
            try:
                descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            else:
                os.set_blocking(descriptor, True)
                return descriptor
        return None

    def _write(self, descriptor: int, content: bytes) -> str:
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(descriptor, view[: self._chunk]) :]
                if self._pause:
                    time.sleep(self._pause)
        except BrokenPipeError:
            return "closed"
        finally:
            os.close(descriptor)
        return "read"


@contextmanager
def served(folder: Path, epochs: Sequence[bytes], *, chunk: int = CHUNK, pause: float = 0) -> Iterator[PipeService]:
    """Serve a channel from a thread; at the end of the block it has come to its end, or is told to."""
    service = PipeService(folder, epochs, chunk=chunk, pause=pause)
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        thread.join(1)
        service.stop()
        thread.join(5)


@contextmanager
def served_by_process(folder: Path, source: Path, epochs: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the bytes of a file in each of so many epochs, from a process of its own, which dies with the block."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Isolated and without site-packages: it starts in a blink.
    command = [sys.executable, "-I", "-S", __file__, str(folder), str(epochs), str(source)]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    content = b"".join(Path(name).read_bytes() for name in sys.argv[3:])
    PipeService(Path(sys.argv[1]), [content] * int(sys.argv[2])).run()
