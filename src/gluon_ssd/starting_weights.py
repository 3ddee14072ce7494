"""What a network starts from: the model of an earlier job, ImageNet weights, or random ones."""

import logging
from collections.abc import Sequence
from pathlib import Path

import mxnet as mx

from gluon_ssd import artifact, pretrained
from gluon_ssd.artifact import Artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.imagenet import places
from gluon_ssd.model_folder import model_folder
from gluon_ssd.sagemaker.channels import MODEL, PRETRAINED, Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.ssd import strict_loading, weights
from gluon_ssd.ssd.base_networks import BASE_NETWORKS
from gluon_ssd.ssd.network import SSD

logger = logging.getLogger(__name__)

ClassNames = tuple[str, ...] | None


def mistakes(job: Hyperparameters, channels: Channels, paths: Paths) -> list[str]:
    """Say what the job asks for in vain, before anything is read."""
    found = []
    if job.reset_classes and channels.model is None:
        found.append(f"reset_classes: expected 0 without a {MODEL} channel, whose class heads it starts anew, got 1")
    if job.use_pretrained_model and channels.model is None:
        try:
            _pretrained_file(job, channels, paths)
        except UserError as error:
            found.append(str(error))
    return found


def start(
    job: Hyperparameters, channels: Channels, paths: Paths, devices: Sequence[mx.Context]
) -> tuple[SSD, ClassNames]:
    """Return a network on `devices`, ready to be trained, and the names that its classes are known to have.

    Raises:
        UserError: What it should start from is not there, is broken, or is not for this job.
    """
    if channels.pretrained and (channels.model or not job.use_pretrained_model):
        reason = "there is a model channel" if channels.model else "use_pretrained_model is 0"
        logger.warning("%s channel: not used, since %s", PRETRAINED, reason)
    if channels.model:
        return _from_model(job, paths, devices)
    if job.use_pretrained_model:
        return _from_pretrained(job, _pretrained_file(job, channels, paths), devices), None
    return _from_scratch(job, devices), None


def class_names(own: ClassNames, known: ClassNames) -> ClassNames:
    """Return the names of the classes: those of the job's channels, or else those of the model that it starts from."""
    if own is None and known is not None:
        logger.info("Class names are those of the model in the model channel: %s", ", ".join(known))
        return known
    if own is not None and known is not None and own != known:
        logger.warning(
            "model channel: expected the class names of the other channels, %s, got %s; what is trained here has the "
            "former. If these are other classes, set reset_classes=1",
            ", ".join(own),
            ", ".join(known),
        )
    return own


def _from_scratch(job: Hyperparameters, devices: Sequence[mx.Context]) -> SSD:
    logger.info("Start training from scratch with (%s)", ", ".join(map(str, devices)))
    if job.freeze_layer_pattern:
        logger.warning("freeze_layer_pattern has no effect: training starts from random weights")
    network = SSD(job.base_network, job.num_classes, job.image_shape)
    weights.initialize(network, devices, seed=job.seed)
    return network


def _pretrained_file(job: Hyperparameters, channels: Channels, paths: Paths) -> Path:
    channel = paths.channel(PRETRAINED) if channels.pretrained else None
    return pretrained.find(job.base_network, places.folders(channel))


def _from_pretrained(job: Hyperparameters, file: Path, devices: Sequence[mx.Context]) -> SSD:
    logger.info("Start training from pretrained model 1.")
    logger.info("Using ImageNet weights from file %s", file)
    network = SSD(job.base_network, job.num_classes, job.image_shape)
    weights.initialize(network, devices, seed=job.seed)
    weights.load(network, *pretrained.read(file, network))
    logger.info("Loaded pretrained model parameters.")
    _freeze(network, job.freeze_layer_pattern)
    return network


def _from_model(job: Hyperparameters, paths: Paths, devices: Sequence[mx.Context]) -> tuple[SSD, ClassNames]:
    logger.info("Start training from the model in the model channel.")
    if job.use_pretrained_model:
        logger.info("use_pretrained_model has no effect where there is a model channel")
    with model_folder(paths.channel(MODEL), what="model channel") as folder:
        return _from_folder(job, folder, devices)


def _from_folder(job: Hyperparameters, folder: Path, devices: Sequence[mx.Context]) -> tuple[SSD, ClassNames]:
    model = artifact.read(folder)
    logger.info("Using model weights from file %s.", model.prefix)
    _check_fit(job, model.description)
    network = SSD(
        job.base_network,
        job.num_classes,
        job.image_shape,
        input_mean=model.description.input_mean,
        input_std=model.description.input_std,
    )
    weights.initialize(network, devices, seed=job.seed)
    _load(network, model, reset_classes=job.reset_classes)
    logger.info("done loading checkpoint")
    logger.info(
        "The network gets pixels as the model did: less %s, divided by %s",
        list(network.input_mean),
        list(network.input_std),
    )
    _freeze(network, job.freeze_layer_pattern)
    return network, None if job.reset_classes else model.description.class_names


def _check_fit(job: Hyperparameters, model: Description) -> None:
    """Raise a UserError that holds all in which the job is about another network than the model's."""
    found = []
    if model.base_network != job.base_network:
        found.append(f"base_network: expected {model.base_network}, as the model has, got {job.base_network}")
    if model.num_classes != job.num_classes and not job.reset_classes:
        found.append(
            f"num_classes: expected {model.num_classes}, as the model has, got {job.num_classes}; "
            "set reset_classes=1 to start its class heads anew"
        )
    if model.base_network == job.base_network and not _has_layers_of(job, model.image_shape):
        found.append(
            f"image_shape: expected one for which {job.base_network} has the feature layers of the model's "
            f"{model.image_shape}, got {job.image_shape}; set it to {model.image_shape}, or train without the model "
            "channel"
        )
    if found:
        raise UserError(f"model channel: {'; '.join(found)}")


def _has_layers_of(job: Hyperparameters, image_shape: int) -> bool:
    base = BASE_NETWORKS[job.base_network]
    if image_shape < base.least_image_shape:
        return False
    return base.layout(image_shape) == base.layout(job.image_shape)


def _load(network: SSD, model: Artifact, *, reset_classes: bool) -> None:
    arg_params = strict_loading.without_class_heads(model.arg_params) if reset_classes else model.arg_params
    try:
        strict_loading.check(network, arg_params, model.aux_params, class_heads=not reset_classes)
    except UserError as error:
        raise UserError(f"model channel, {model.parameter_file}: {error}") from error
    fresh = weights.load(network, arg_params, model.aux_params)
    if fresh:
        logger.info("reset_classes: %d parameters of class heads start anew", len(fresh))


def _freeze(network: SSD, pattern: str) -> None:
    """Freeze what the pattern matches, and tell how much that is."""
    if not pattern:
        return
    frozen, names = weights.freeze(network, pattern), weights.argument_names(network)
    logger.info("freeze_layer_pattern: froze %d of %d parameters", len(frozen), len(names))
    if not frozen:
        logger.warning(
            "freeze_layer_pattern: expected the beginning of a parameter's name, such as %s, got %r, which matches "
            "none: all are trained",
            next(name for name in names if name.endswith("_weight")),
            pattern,
        )
    elif len(frozen) == len(names):
        logger.warning(
            "freeze_layer_pattern: all parameters are frozen: nothing is learned, and the model stays as it is"
        )
