"""The main function of training: one job, told by its exit code how it ended.

It imports MXNet only after the number of threads is settled, which MXNet reads when it is imported.
"""

import logging
import os
import sys
import threading
from contextlib import suppress

from gluon_ssd.errors import StoppedError
from gluon_ssd.launching import HorovodJob
from gluon_ssd.sagemaker import cpus, failure, logs, opening_lines
from gluon_ssd.sagemaker.first_process import FirstProcess
from gluon_ssd.sagemaker.launched import Launched
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest

logger = logging.getLogger(__name__)

INTERRUPTED = 130  # a second Ctrl-C: the user wants no more of it, not even the model


def main() -> int:
    """Run the job under SAGEMAKER_BASE_DIR; 0 done, 2 customer, 1 algorithm, 3 platform error."""
    paths = Paths.from_environment()
    if not paths.base.is_dir():
        print(
            f"train: expected the folder of a job, as SageMaker lays it out, got {paths.base}, which is none; mount "
            "one there (docker run -v JOB:/opt/ml), or name one by SAGEMAKER_BASE_DIR",
            file=sys.stderr,
        )
        return 2
    logs.configure()
    stop = StopRequest.listen()
    launched = None
    try:
        horovod = HorovodJob.read(paths)
        launched = horovod.launched if horovod else None
        if not FirstProcess.is_awaited() and (launched is None or launched.is_first_of_host):
            opening_lines.called(["train", *sys.argv[1:]])
            with suppress(OSError):
                paths.failure.unlink()  # of an earlier run of the same job
        code = horovod.launch(stop) if horovod and launched is None else None
        if code is not None:
            return code
        _train(paths, stop, launched)
    except StoppedError as stopped:
        _tell_of_no_model(paths, stopped)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place that catches everything
        return failure.report(error, paths.failure, first=launched is None)
    if launched and launched.is_first_of_host and FirstProcess.is_awaited():
        FirstProcess(paths.first_process).ends_well()
    return 0


def _tell_of_no_model(paths: Paths, stopped: StoppedError) -> None:
    logger.info("Ended without a model: %s", stopped)
    if paths.model_archive.exists():
        logger.info('"%s" is the model of an earlier job', paths.model_archive)


def _train(paths: Paths, stop: StopRequest, launched: Launched | None) -> None:
    if launched and not launched.is_first_of_host:
        logs.quieten()
    elif launched and FirstProcess.is_awaited():
        FirstProcess(paths.first_process).starts()
    threads = cpus.claim(os.environ, processes=launched.of_machine if launched else 1)
    logger.info("Using %d CPU threads (OMP_NUM_THREADS)", threads)
    from gluon_ssd.job import train  # noqa: PLC0415 - MXNet reads OMP_NUM_THREADS when it is imported

    train(paths, stop)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    if code or any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        # MXNet may crash as it is unloaded where memory ran out, and the exit code with it. And a thread may still wait
        # for an answer that nobody needs any more.
        os._exit(code)
