"""From a job's channels to the batches it trains and validates on."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.batches import BatchForm, TrainingBatches, ValidationBatches
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.replica import Replica
from gluon_ssd.data.share import WHOLE, Share
from gluon_ssd.data.stream_batches import StreamedTrainingBatches, StreamedValidationBatches
from gluon_ssd.data.stream_order import StreamOrder
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import MANIFEST, SHARED_ANNOTATIONS, Channel, Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.temporary_folder import temporary_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """What a job reads: batches of both splits, and the names of the classes where a channel holds them.

    A worker that leaves validation to the first one has no batches of it. `replicas` tells of each channel.
    """

    training: TrainingBatches | StreamedTrainingBatches
    validation: ValidationBatches | StreamedValidationBatches | tuple[()]
    class_names: tuple[str, ...] | None
    replicas: Sequence[Replica]
    is_split: bool = False

    def keep_pace(self, all_say: Callable[[float], Sequence[float]]) -> None:
        """Make epochs equally long where each worker has images of its own; `all_say` tells what each of them says."""
        if self.is_split and isinstance(self.training, TrainingBatches):
            self.training.keep_pace(int(max(all_say(self.training.images))))


@dataclass(frozen=True)
class _Opened:
    """A channel that is open, and its class names: `listed` in a file that counts, or `told` by annotations.

    Its class ids are `guessed` where they follow from its names, and nothing but its annotations gives these.
    """

    name: str
    source: RecordIODataset | AnnotatedFolder | ManifestDataset | RecordPipe
    listed: tuple[str, ...] | None = None
    told: tuple[str, ...] | None = None
    guessed: bool = False

    def counted(self, beside: "_Opened") -> tuple[str, ...] | None:
        """Return the names that have to be those of the channel `beside`; annotations' where that one guessed."""
        return self.listed or (self.told if beside.guessed else None)


@contextmanager
def open_data(
    job: Hyperparameters,
    channels: Channels,
    paths: Paths,
    *,
    share: Share,
    num_workers: int,
    stopped: Callable[[], bool],
) -> Iterator[Data]:
    """Open both channels, each read by `num_workers` processes, which end with the block; check those that are files.

    Of a channel that every worker has whole, this one takes its `share`; of one that is split between the hosts, its
    share of its host's part. A channel in Pipe mode is checked
    as it comes; waiting for it ends as soon as the job is `stopped`. What a manifest names in S3 is fetched first, into
    a folder that is gone when the block ends.
    """
    with (
        temporary_folder() as cache,
        _open(_Opener(job, channels, paths, num_workers, stopped, cache), share) as data,
    ):
        yield data


@contextmanager
def _open(opener: "_Opener", share: Share) -> Iterator[Data]:
    job, channels, num_workers = opener.job, opener.channels, opener.num_workers
    is_split = channels.train.is_sharded and share.workers > share.of_host
    _check_readers(channels, share)
    _warn_of_resizing("Training", job)
    train = opener.open(channels.train)
    if not is_split:
        _check_count(job.num_training_samples, train.source)
    _warn_of_resizing("Validation", job)
    validation = opener.open(channels.validation, train.listed or train.told)
    if isinstance(train.source, AnnotatedFolder) and isinstance(validation.source, AnnotatedFolder):
        train.source.check_apart(validation.source)
    names = _class_names(train, validation, job.num_classes)
    with (
        _training_batches(
            train.source, _form(channels.train, job, share.of_own_host if is_split else share), job, num_workers
        ) as training,
        _validation_batches(
            validation.source, _form(channels.validation, job, _validation_share(opener, share)), job, num_workers
        ) as validating,
    ):
        replicas = (_replica(channels.train, train, share), _replica(channels.validation, validation, share))
        yield Data(training, validating if _validates(opener, share) else (), names, replicas, is_split)


@dataclass(frozen=True)
class _Opener:
    """Opens each channel by the reader for what it holds."""

    job: Hyperparameters
    channels: Channels
    paths: Paths
    num_workers: int
    stopped: Callable[[], bool]
    cache: Path

    def open(self, channel: Channel, names: tuple[str, ...] | None = None) -> _Opened:
        """Choose the reader of a channel, here and nowhere else, and open it.

        `names` are the class names of the other channel, which serve where names make the class ids and the channel
        lists none.
        """
        if channel.is_pipe:
            return _Opened(channel.name, self._pipe(channel))
        folder = ChannelFolder(channel.name, self.paths.channel(channel.name))
        dataset = self._files(channel, folder, names)
        dataset.summary.check_objects(channel.name)
        if not isinstance(dataset, RecordIODataset) and dataset.ids_follow_names:
            guessed = not dataset.names_given and self.job.num_classes > 1
            return _Opened(channel.name, dataset, dataset.class_names, guessed=guessed)
        listed = read_class_names(folder)
        told = None if isinstance(dataset, RecordIODataset) else dataset.class_names
        return _Opened(channel.name, dataset, listed, told)

    def _files(
        self, channel: Channel, folder: ChannelFolder, names: tuple[str, ...] | None
    ) -> RecordIODataset | AnnotatedFolder | ManifestDataset:
        if channel.content_type == MANIFEST:
            return self._manifest(folder)
        annotation = self.channels.annotations.get(channel.name)
        return self._images(folder, annotation.name, names) if annotation else self._records(channel)

    def _pipe(self, channel: Channel) -> RecordPipe:
        folder = self.paths.channel(channel.name)
        for _ in range(2):  # as often as the built-in says it
            logger.info("The channel '%s' is in pipe input mode under %s.", channel.name, folder)
        return RecordPipe(
            folder,
            LabelLimits(self.job.num_classes, self.job.label_width),
            wrapped=channel.is_wrapped,
            patience=Patience(self.job.pipe_timeout, self.stopped),
            first=self.job.begin_epoch,
        )

    def _records(self, channel: Channel) -> RecordIODataset:
        folder = self.paths.channel(channel.name)
        logger.info("ImageDetRecordIOParser: %s, use %d worker processes for decoding..", folder, self.num_workers)
        dataset = RecordIODataset.open(
            folder, channel=channel.name, num_classes=self.job.num_classes, label_width=self.job.label_width
        )
        logger.info("ImageDetRecordIOParser: %s, label padding width: %d", folder, self.job.label_width)
        return dataset

    def _images(self, images: ChannelFolder, annotation: str, names: tuple[str, ...] | None) -> AnnotatedFolder:
        path, shared = self.paths.channel(annotation), annotation == SHARED_ANNOTATIONS
        own = shared and (path / images.channel).is_dir()
        return AnnotatedFolder.open(
            images,
            ChannelFolder(annotation, path, images.channel if own else ""),
            num_classes=self.job.num_classes,
            label_width=self.job.label_width,
            shared=shared and not own,
            class_names=names,
        )

    def _manifest(self, folder: ChannelFolder) -> ManifestDataset:
        return ManifestDataset.open(
            folder,
            self.cache,
            num_classes=self.job.num_classes,
            label_width=self.job.label_width,
            attribute=self.job.label_attribute,
            stopped=self.stopped,
        )


def _training_batches(
    source: Dataset | RecordPipe, form: BatchForm, job: Hyperparameters, num_workers: int
) -> TrainingBatches | StreamedTrainingBatches:
    if isinstance(source, RecordPipe):
        order = StreamOrder(range(job.begin_epoch, job.epochs), job.seed, job.shuffle_buffer if job.shuffle else 1)
        return StreamedTrainingBatches(source, form, order, augmentation=job.augmentation, num_workers=num_workers)
    return TrainingBatches(
        source, form, augmentation=job.augmentation, seed=job.seed, num_workers=num_workers, shuffle=job.shuffle
    )


def _validation_batches(
    source: Dataset | RecordPipe, form: BatchForm, job: Hyperparameters, num_workers: int
) -> ValidationBatches | StreamedValidationBatches:
    if isinstance(source, RecordPipe):
        return StreamedValidationBatches(source, form, first=job.begin_epoch, num_workers=num_workers)
    return ValidationBatches(source, form, num_workers=num_workers)


def _validates(opener: _Opener, share: Share) -> bool:
    """Whether this worker validates: all do, each on its part, but for two cases.

    Workers that do not train in step differ, and only the first one's parameters are kept; and where all get the same
    stream, nobody knows before its end what a block of it is.
    """
    channel = opener.channels.validation
    return share.rank == 0 or (opener.job.trains_in_step and (channel.is_sharded or not channel.is_pipe))


def _validation_share(opener: _Opener, share: Share) -> Share:
    channel = opener.channels.validation
    if channel.is_pipe or not opener.job.trains_in_step:
        return WHOLE
    return share.of_own_host if channel.is_sharded else share


def _replica(channel: Channel, opened: _Opened, share: Share) -> Replica:
    # To sum a channel up takes a while, and one worker has nobody to differ from.
    if share.workers == 1 or channel.is_sharded or isinstance(opened.source, RecordPipe):
        return Replica(channel.name)
    return Replica(channel.name, len(opened.source), opened.source.checksum())


def _form(channel: Channel, job: Hyperparameters, share: Share = WHOLE) -> BatchForm:
    return BatchForm(channel.name, job.mini_batch_size, job.image_shape, share)


def _check_readers(channels: Channels, share: Share) -> None:
    piped = [channel.name for channel in (channels.train, channels.validation) if channel.is_pipe]
    if piped and share.of_host > 1:
        raise UserError(
            f"{piped[0]} channel: expected File or FastFile mode with {share.of_host} processes on each machine, since "
            "only one can read a pipe, got Pipe mode; set sagemaker_mpi_num_of_processes_per_host to 1, or kv_store to "
            "dist_sync"
        )


def _warn_of_resizing(purpose: str, job: Hyperparameters) -> None:
    logger.warning("%s images are resized to image shape (3, %d, %d)", purpose, job.image_shape, job.image_shape)


def _check_count(told: int, source: Dataset | RecordPipe) -> None:
    if isinstance(source, RecordPipe):
        return  # how many images it has shows when an epoch is over, and the report of that compares
    found = len(source)
    if told != found:
        logger.warning(
            "num_training_samples: expected %d, the number of images in the train channel, got %d; "
            "changes of the learning rate come at another time than meant",
            found,
            told,
        )


def _class_names(train: _Opened, validation: _Opened, num_classes: int) -> tuple[str, ...] | None:
    """Return the names that the channels agree on, or the one has that has any; those of files before those told.

    Raises:
        UserError: They differ where they count, so that an id would mean one class in training and another in
            validation, or nothing says whether it does.
    """
    for one, other in ((train, validation), (validation, train)):
        _check_guess(one, other, num_classes)
    names, others = train.counted(beside=validation), validation.counted(beside=train)
    if names and others and names != others:
        raise UserError(
            f"class names: expected the same in both channels, got {', '.join(names)} in the train channel "
            f"and {', '.join(others)} in the validation channel; prepare both with the same --classes, or list the "
            "same names in a .classes file of each"
        )
    if names or others:
        _warn_of_other_names(train, validation)
    names = train.listed or validation.listed or _told_names(train.told, validation.told)
    if names is None or len(names) == num_classes:
        return names
    logger.warning(
        "class names: expected %d, as num_classes says, got %s in the channels; going without them",
        num_classes,
        ", ".join(names),
    )
    return None


def _check_guess(one: _Opened, other: _Opened, num_classes: int) -> None:
    """Raise UserError where names alone make the class ids of a channel, and nothing tells those of the other."""
    if one.guessed and not (other.listed or other.told):
        raise UserError(
            f"class names: expected the same class ids in both channels, got {', '.join(one.listed or ())} as 0 to "
            f"{num_classes - 1} in the {one.name} channel, in order of its names or categories, and ids without names "
            f"in the {other.name} channel; list the names in order of the latter, one a line, in a file "
            f"{one.name}.classes in the {one.name} channel"
        )


def _warn_of_other_names(train: _Opened, validation: _Opened) -> None:
    """Warn where one channel lists names and the annotations of the other tell others: their ids may mean others."""
    names, others = train.listed or train.told, validation.listed or validation.told
    if names and others and names != others:
        logger.warning(
            "class names: expected the same in both channels, got %s in the train channel and %s in the validation "
            "channel; those of the .classes file count, class ids stay as they are",
            ", ".join(names),
            ", ".join(others),
        )


def _told_names(train: tuple[str, ...] | None, validation: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the names that annotations agree on; a warning is enough where not, since the categories never count."""
    if train and validation and train != validation:
        logger.warning("class names: going without: the categories of training and validation annotations differ")
        return None
    return train or validation
