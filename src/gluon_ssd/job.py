"""One training job, from its configuration to its artifact."""

import logging
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from operator import length_hint
from typing import NamedTuple

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd import artifact, joining
from gluon_ssd.best_model import BestModel
from gluon_ssd.data.replica import check_alike
from gluon_ssd.data.share import Share
from gluon_ssd.description import Description
from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.evaluation import Evaluation, evaluate
from gluon_ssd.inputs import open_data
from gluon_ssd.sagemaker import cpus, metrics, opening_lines
from gluon_ssd.sagemaker.channels import Channels
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.hyperparameters import HOROVOD, Hyperparameters
from gluon_ssd.sagemaker.json_object import read_object
from gluon_ssd.sagemaker.launched import Launched
from gluon_ssd.sagemaker.metrics import Reporter
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest
from gluon_ssd.ssd.network import SSD
from gluon_ssd.starting_weights import StartingWeights, class_names_of
from gluon_ssd.training import devices as all_devices
from gluon_ssd.training import optimizer, precision
from gluon_ssd.training.early_stopping import EarlyStopping
from gluon_ssd.training.learner import Batch, Learner, Losses
from gluon_ssd.training.workers import Workers, all_say, any_of, every_table, first_says, until_any

logger = logging.getLogger(__name__)


class Detected(NamedTuple):
    """What is found in each image, rows (k, 6) as `Learner.detect` returns them, and what is there, as in `Batch`."""

    found: list[NDArray[np.float32]]
    real: list[NDArray[np.float32]]


NO_SCORES = Evaluation(0.0, {}, 0.0, 0.0)  # of a worker that leaves judging to the first
MOST_WORKERS_PER_GPU = 4  # each prepares several times what a GPU of this MXNet's age can train on


def train(paths: Paths, stop: StopRequest) -> None:
    """Train the detector that the job under `paths` asks for, and leave its artifact there."""
    started = time.time()
    job = _hyperparameters(paths)
    cluster = Cluster.read(paths.resource_config)
    # Before anything that one host may fail at: so the others learn of it at once.
    with joining.join(job, cluster, paths, lambda: stop.requested) as workers:
        _train(job, cluster, paths, stop, workers, started)


def _train(
    job: Hyperparameters, cluster: Cluster, paths: Paths, stop: StopRequest, workers: Workers, started: float
) -> None:
    launched = Launched.of(job.store, cluster)
    channels, starting = _configuration(job, cluster, paths)
    _check_output(paths, launched)
    devices = _devices(cluster, launched)
    precision.prepare(job.precision, devices, cpus.flags())
    share = (
        Share(launched.rank, launched.count, launched.of_host) if launched else Share(cluster.rank, len(cluster.hosts))
    )
    num_workers = _num_workers(job, devices, processes=share.of_host)
    own = _of_process(job, share)
    with open_data(own, channels, paths, share=share, num_workers=num_workers, stopped=lambda: stop.requested) as data:
        check_alike(data.replicas, workers.gather)
        data.keep_pace(partial(all_say, workers))
        opening_lines.training_context([str(device) for device in devices], _store(job, workers))
        network, known_names = starting.start(devices)
        class_names = class_names_of(data.class_names, known_names)
        learner = Learner(network, _optimizer(own, devices, workers), devices, workers, job.precision)
        best = _best_model(job, paths, network, class_names)
        stopping = _early_stopping(job)
        report = _reporter(job, cluster, started)
        opening_lines.state_created()
        report.data_opened()
        _remove_earlier_archive(paths, launched)

        completed = 0
        for epoch in range(job.begin_epoch, job.epochs):
            batches = until_any(workers, stop, stop.until(data.training.epoch(epoch)))
            losses = learner.train(report.batches(epoch, batches, _images), epoch=epoch)
            if any_of(workers, asked=stop.requested):
                break
            _report_losses(report, epoch, losses, processes=share.of_host)
            validation = report.validation_batches(epoch, data.validation, total=length_hint(data.validation) or None)
            detections = _detect(learner, stop.until(validation), job)
            if any_of(workers, asked=stop.requested):
                break
            # The first worker judges and writes for all.
            scores = _score(detections, job, workers)
            if workers.is_first:
                _report_scores(report, epoch, scores, class_names)
                if best.observe(epoch, scores.mean_average_precision, _named(scores)):
                    report.improved(scores.mean_average_precision, best.parameters)
            stopping.observe(epoch, first_says(workers, scores.mean_average_precision))
            report.epoch_finished(epoch)
            completed += 1
            if stopping.due:
                logger.info("early_stopping: validation mAP has not improved for %d epochs", stopping.waited)
                break

        if workers.is_first:
            best.finish(export_onnx=job.export_onnx)
            report.finished(completed, best.parameters, hosts=len(cluster.hosts))
            _pack(paths)


def _hyperparameters(paths: Paths) -> Hyperparameters:
    opening_lines.provided(paths.hyperparameters, read_object(paths.hyperparameters))
    job = Hyperparameters.read(paths.hyperparameters)
    opening_lines.configured(job)
    return job


def _configuration(job: Hyperparameters, cluster: Cluster, paths: Paths) -> tuple[Channels, StartingWeights]:
    """Read what else the job asks for, and find out what stands against it before it takes long."""
    channels = Channels.read(paths.input_data_config, paths.data)
    starting = StartingWeights(job, channels, paths)
    _check(job, channels, cluster, starting)
    return channels, starting


def _check_output(paths: Paths, launched: Launched | None) -> None:
    if launched and not launched.is_first_of_host:
        return  # the others have the same folders, and would be in each other's way
    artifact.check_writable(paths.model)
    if not _packed_by_sagemaker():
        artifact.check_writable(paths.model_archive.parent)


def _remove_earlier_archive(paths: Paths, launched: Launched | None) -> None:
    # So late, that a job which ends in a mistake leaves what another has left.
    if _packed_by_sagemaker() or (launched and not launched.is_first_of_host) or not paths.model_archive.exists():
        return
    logger.info('Removing "%s", the model of an earlier job', paths.model_archive)
    try:
        paths.model_archive.unlink()
    except OSError as error:
        raise PlatformError(f"output: expected to replace the model of an earlier job, got {error}") from error


def _pack(paths: Paths) -> None:
    if not _packed_by_sagemaker():
        artifact.archive(paths.model, paths.model_archive)
        logger.info('Packed the model into "%s"', paths.model_archive)


def _packed_by_sagemaker() -> bool:
    return "TRAINING_JOB_NAME" in os.environ


def _check(job: Hyperparameters, channels: Channels, cluster: Cluster, starting: StartingWeights) -> None:
    """Say what was sent for nothing, and refuse what this version cannot do."""
    for name in job.ignored:
        logger.info("hyperparameter %s is accepted and has no effect", name)
    for name in channels.ignored:
        logger.warning("%s channel: not used", name)
    if len(cluster.hosts) > 1 and channels.validation.is_sharded and not job.trains_in_step:
        logger.warning(
            "validation channel: S3DistributionType: expected FullyReplicated with dist_async, got ShardedByS3Key; "
            "host %s judges for all, by its own part alone",
            cluster.primary,
        )
    if job.sets_mpi and job.store != HOROVOD:
        logger.warning("sagemaker_mpi_*: expected kv_store horovod, got %s: these have no effect", job.store)
    if starting.mistakes:
        raise UserError("; ".join(starting.mistakes))


def _store(job: Hyperparameters, workers: Workers) -> str:
    if workers.count > 1:
        return job.store
    if job.store == HOROVOD:
        logger.warning("kv_store: one process has nobody to share gradients with: Horovod is not used")
    return "device"


def _devices(cluster: Cluster, launched: Launched | None) -> list[mx.Context]:
    devices = all_devices.of_this_machine(gpu_paid_for=cluster.is_gpu_instance)
    return [all_devices.of_process(devices, launched.on_machine)] if launched else devices


def _of_process(job: Hyperparameters, share: Share) -> Hyperparameters:
    """Return the job of this process, whose batches are its part of the machine's."""
    each, rest = divmod(job.mini_batch_size, share.of_host)
    if rest:
        raise UserError(
            f"mini_batch_size: expected a multiple of {share.of_host}, the number of processes on each machine, got "
            f"{job.mini_batch_size}"
        )
    return replace(job, mini_batch_size=each)


def _num_workers(job: Hyperparameters, devices: list[mx.Context], *, processes: int) -> int:
    """Return how many processes load data for this one, of so many that train on this machine."""
    if job.num_workers is not None:
        return -(-job.num_workers // processes)
    gpus = [device for device in devices if device.device_type == "gpu"]
    # On a CPU, training takes every core there is and one worker keeps up with it.
    return max(1, min(cpus.available() // processes - 1, MOST_WORKERS_PER_GPU * len(gpus)))


def _optimizer(job: Hyperparameters, devices: list[mx.Context], workers: Workers) -> mx.optimizer.Optimizer:
    updates = job.num_training_samples // (job.mini_batch_size * workers.count)
    learning_rate, scheduler = optimizer.schedule(
        job.learning_rate,
        job.lr_scheduler_factor,
        job.lr_scheduler_step,
        # Where nobody waits for the others, a server counts the steps of them all.
        updates_per_epoch=updates if workers.in_step else updates * workers.count,
        begin_epoch=job.begin_epoch,
    )
    return optimizer.create(
        job.optimizer,
        learning_rate=learning_rate,
        momentum=job.momentum,
        weight_decay=job.weight_decay,
        scheduler=scheduler,
        batch_per_device=job.mini_batch_size / len(devices),
    )


def _best_model(job: Hyperparameters, paths: Paths, network: SSD, class_names: tuple[str, ...] | None) -> BestModel:
    description = Description(
        base_network=job.base_network,
        num_classes=job.num_classes,
        image_shape=job.image_shape,
        class_names=class_names,
        input_mean=network.input_mean,
        input_std=network.input_std,
        nms_threshold=job.nms_threshold,
        nms_topk=job.nms_topk,
    )
    return BestModel(paths.model, network, hyperparameters=job.as_strings(), description=description)


def _early_stopping(job: Hyperparameters) -> EarlyStopping:
    return EarlyStopping(
        # A job that does not ask for it waits longer than it lasts.
        patience=job.early_stopping_patience if job.early_stopping else job.epochs + 1,
        tolerance=job.early_stopping_tolerance,
        min_epochs=job.early_stopping_min_epochs,
    )


def _reporter(job: Hyperparameters, cluster: Cluster, started: float) -> Reporter:
    whole, rest = divmod(job.num_training_samples, job.mini_batch_size * len(cluster.hosts))
    return Reporter(
        cluster.current_host,
        epochs=job.epochs,
        mini_batch_size=job.mini_batch_size,
        expected_batches=(whole, whole + 1) if rest else (whole,),
        started=started,
    )


def _images(batch: Batch) -> int:
    return len(batch.images)


def _detect(learner: Learner, batches: Iterable[Batch], job: Hyperparameters) -> Detected:
    """Return what is found in each image of this worker's part of the validation channel, and what is there."""
    detected = Detected([], [])
    for batch in batches:
        detected.found.extend(learner.detect(batch.images, nms_threshold=job.nms_threshold, nms_topk=job.nms_topk))
        detected.real.extend(rows[rows[:, 0] >= 0] for rows in batch.objects)
    return detected


def _score(detected: Detected, job: Hyperparameters, workers: Workers) -> Evaluation:
    """Score what all workers have detected, on the first of them; images come in the order of one that has them all."""
    found, real = (every_table(workers, tables, columns=6) for tables in (detected.found, detected.real))
    return evaluate(found, real, overlap_threshold=job.overlap_threshold) if workers.is_first else NO_SCORES


def _report_losses(report: Reporter, epoch: int, losses: Losses, *, processes: int) -> None:
    report.trained(
        epoch,
        batches=losses.batches,
        cross_entropy=losses.cross_entropy,
        smooth_l1=losses.smooth_l1,
        throughput=processes * losses.examples / losses.seconds,  # the host's, whose processes keep in step
    )


def _report_scores(report: Reporter, epoch: int, scores: Evaluation, class_names: tuple[str, ...] | None) -> None:
    report.validated(
        epoch,
        mean_average_precision=scores.mean_average_precision,
        ap50=scores.ap50,
        coco_ap=scores.coco_ap,
        per_class={
            class_names[class_id] if class_names else str(class_id): precision
            for class_id, precision in scores.average_precision.items()
        },
    )


def _named(scores: Evaluation) -> dict[str, float]:
    return {
        metrics.MEAN_AVERAGE_PRECISION.name: scores.mean_average_precision,
        metrics.AP50.name: scores.ap50,
        metrics.COCO_AP.name: scores.coco_ap,
    }
