"""What a network starts from: the model of an earlier job, ImageNet weights, or random ones."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx

from gluon_ssd import artifact, pretrained
from gluon_ssd.artifact import Artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.imagenet import places
from gluon_ssd.model_folder import find_archive, model_folder
from gluon_ssd.sagemaker.channels import MODEL, PRETRAINED, Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.ssd import strict_loading, weights
from gluon_ssd.ssd.base_networks import BASE_NETWORKS
from gluon_ssd.ssd.network import SSD

logger = logging.getLogger(__name__)

ClassNames = tuple[str, ...] | None


class StartingWeights:
    """What the network of a job starts from: found, and its fit checked, before any data is read.

    Attributes:
        mistakes: What the job asks for in vain.
    """

    def __init__(self, job: Hyperparameters, channels: Channels, paths: Paths) -> None:
        """Read the model, or find the weights.

        Raises:
            PlatformError: There is no room to unpack the model.
        """
        self.mistakes: list[str] = []
        self._job = job
        self._model: _Model | None = None
        self._pretrained: Path | None = None
        self._unused = _unused_channel(job, channels)
        if job.reset_classes and channels.model is None:
            self.mistakes.append(
                f"reset_classes: expected 0 without a {MODEL} channel, whose class heads it starts anew, got 1"
            )
        try:
            if channels.model:
                self._model = _read_model(job, paths)
            elif job.use_pretrained_model:
                self._pretrained = _pretrained_file(job, channels, paths)
        except UserError as error:
            self.mistakes.append(str(error))

    def start(self, devices: Sequence[mx.Context]) -> tuple[SSD, ClassNames]:
        """Return a network on `devices`, ready to be trained, and the names that its classes are known to have.

        To be called once and without mistakes: the model's arrays are not kept.

        Raises:
            UserError: ImageNet weights are not what their file's name says.
        """
        if self._unused:
            logger.warning("%s channel: not used, since %s", PRETRAINED, self._unused)
        if self._model:
            model, self._model = self._model, None
            return _from_model(self._job, model, devices)
        if self._pretrained:
            return _from_pretrained(self._job, self._pretrained, devices), None
        return _from_scratch(self._job, devices), None


@dataclass(frozen=True)
class _Model:
    """The model of the model channel, and the network that takes its parameters.

    Attributes:
        arg_params: Those that are taken over.
        archive: What the model was unpacked from, if it was.
    """

    artifact: Artifact
    arg_params: dict[str, mx.nd.NDArray]
    network: SSD
    archive: Path | None


def class_names_of(own: ClassNames, known: ClassNames) -> ClassNames:
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


def _unused_channel(job: Hyperparameters, channels: Channels) -> str | None:
    """Return why the channel of weights is not used, if it is there and is not."""
    if channels.pretrained is None:
        return None
    if channels.model:
        return "there is a model channel"
    return None if job.use_pretrained_model else "use_pretrained_model is 0"


def _read_model(job: Hyperparameters, paths: Paths) -> _Model:
    path, what = paths.channel(MODEL), f"{MODEL} channel"
    with model_folder(path, what=what) as folder:
        model = artifact.read(folder)
        _check_fit(job, model.description)
        network = SSD(
            job.base_network,
            job.num_classes,
            job.image_shape,
            input_mean=model.description.input_mean,
            input_std=model.description.input_std,
        )
        arg_params = strict_loading.without_class_heads(model.arg_params) if job.reset_classes else model.arg_params
        try:
            strict_loading.check(network, arg_params, model.aux_params, class_heads=not job.reset_classes)
        except UserError as error:
            raise UserError(f"{what}, {model.parameter_file}: {error}") from error
    return _Model(model, arg_params, network, find_archive(path, what=what))


def _from_model(job: Hyperparameters, model: _Model, devices: Sequence[mx.Context]) -> tuple[SSD, ClassNames]:
    logger.info("Start training from the model in the model channel.")
    if job.use_pretrained_model:
        logger.info("use_pretrained_model has no effect where there is a model channel")
    if model.archive:
        logger.info("Found a model archive file. Extracting %s", model.archive.name)
    logger.info("Using model weights from file %s.", model.artifact.prefix)
    network = model.network
    weights.initialize(network, devices, seed=job.seed)
    fresh = weights.load(network, model.arg_params, model.artifact.aux_params)
    if fresh:
        logger.info("reset_classes: %d parameters of class heads start anew", len(fresh))
    logger.info("done loading checkpoint")
    logger.info(
        "The network gets pixels as the model did: less %s, divided by %s",
        list(network.input_mean),
        list(network.input_std),
    )
    _freeze(network, job.freeze_layer_pattern)
    return network, None if job.reset_classes else model.artifact.description.class_names


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
