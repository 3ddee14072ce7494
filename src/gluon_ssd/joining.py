"""Brings the workers of a job together, on the machines that its resource configuration names."""

import logging
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.sagemaker import failure, name_resolution
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.launched import Launched
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.training import horovod_workers, kvstore_workers
from gluon_ssd.training.kvstore_workers import Meeting
from gluon_ssd.training.workers import ALONE, Workers, all_say


@contextmanager
def join(job: Hyperparameters, cluster: Cluster, paths: Paths, stopped: Callable[[], bool]) -> Iterator[Workers]:
    """Wait for the workers on all hosts, and let them train together for as long as the block lasts.

    Raises:
        PlatformError: a host did not come. If one is lost later, this process ends, since MXNet would wait for ever.
        StoppedError: the job was asked to stop while it waited.
        UserError: the hosts have different hyperparameters, by which they would wait for each other for ever; or this
            host has another's name.
    """
    if Launched.of(job.store, cluster):
        with horovod_workers.join() as processes:
            _check_alike(job, processes)
            yield processes
        return
    if len(cluster.hosts) == 1:
        yield ALONE
        return
    deadline = Deadline.after(job.host_timeout)
    addresses = name_resolution.addresses(sorted(cluster.hosts), deadline=deadline, stopped=stopped)
    # Its own name may mean 127.0.0.1 to a host, where no other finds it.
    addresses[cluster.current_host] = name_resolution.own_address(
        cluster.current_host, addresses[cluster.current_host], cluster.network_interface
    )
    meeting = Meeting(
        address=addresses[cluster.primary],
        port=job.ps_port,
        machines=len(cluster.hosts),
        rank=cluster.rank,
        own_address=addresses[cluster.current_host],
    )
    with kvstore_workers.join(
        job.store, meeting, deadline=deadline, stopped=stopped, on_lost=partial(_end, paths)
    ) as workers:
        _check_alike(job, workers)
        yield workers


def _check_alike(job: Hyperparameters, workers: Workers) -> None:
    said = all_say(workers, zlib.crc32(repr(sorted(job.as_strings().items())).encode()))
    if len(set(said)) > 1:
        raise UserError("hyperparameters: expected the same on all hosts, got different ones; compare the hosts' logs")


def _end(paths: Paths, reason: str) -> None:
    """End this process, whose main thread waits for a machine that is gone."""
    code = failure.report(PlatformError(reason), paths.failure)
    logging.shutdown()
    os._exit(code)
