"""Objects in S3, fetched into a folder, each once, with patience for a busy service.

Import it where there is something to fetch: boto3 takes its time.
"""

import logging
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

from gluon_ssd.data.image_address import S3Object
from gluon_ssd.errors import JobError, PlatformError, UserError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

IN_FLIGHT = 16  # objects at a time

_QUIET = 30.0  # seconds between two warnings of attempts that fail
_PIECE = 1 << 20  # bytes
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 20.0  # seconds
_MISSING = ("NoSuchKey", "NoSuchBucket", "404")
_FORBIDDEN, _TOO_MANY, _SERVER = 403, 429, 500  # statuses; from the last on it is the service's fault
_TIMED_OUT = "RequestTimeout"  # comes with the status of a wrong request
_NO_ANSWER = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)
_NO_CREDENTIALS = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
_UNREACHABLE = (
    "a job in network isolation, or in a VPC without a way to S3, cannot fetch images: give it the images as files"
)


@dataclass(frozen=True)
class Limits:
    """How patient to be: attempts for each object, and seconds to wait for a connection and for the next bytes.

    Pauses between attempts are twice as long each time, up to 20 seconds, less up to a half by chance.
    """

    attempts: int = 10
    connect: float = 10
    read: float = 60


class ObjectStore:
    """Fetches objects into `folder`, which exists, as `S3Object.cached_in` has them; several threads may use it.

    The address, the region and the credentials of the service are found as boto3 finds them: in the environment
    (AWS_ENDPOINT_URL, AWS_PROFILE and so on), in its files, or in the role of the machine.

    Raises:
        UserError: they cannot be used.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._client = _client(self._limits)
        self._warnings = _Warnings()

    def fetch(self, address: S3Object, where: str) -> int:
        """Fetch an object unless it is there already, and return its size in bytes; `where` it is named, for messages.

        Its file appears when all of it has arrived.

        Raises:
            UserError: it is not there, or not for us.
            PlatformError: the service does not answer, or not in time, or the disk is full.
        """
        path = address.cached_in(self._folder)
        with suppress(FileNotFoundError):
            return path.stat().st_size
        what = f"{where}: {address}"
        try:
            return self._download(address, path, where)
        except exceptions.ClientError as error:
            raise _refused(error, what, self._limits.attempts) from error
        except exceptions.BotoCoreError as error:
            raise _failed(error, what, self._limits.attempts) from error
        except OSError as error:
            raise PlatformError(
                f"{what}: could not be stored in {self._folder}: {error}; give the job a larger volume, or set TMPDIR "
                "to a folder with more room"
            ) from error

    def _download(self, address: S3Object, path: Path, where: str) -> int:
        """Repeat what fails for a reason that passes; botocore repeats no answers that break off."""
        attempt = 1
        while True:
            try:
                return self._attempt(address, path)
            except (exceptions.ClientError, *_NO_ANSWER) as error:
                if attempt >= self._limits.attempts or not _may_pass(error):
                    raise
                self._warnings.add(f"{where}: {address}: attempt {attempt} of {self._limits.attempts}", error)
            pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - so that not all ask again at once
            attempt += 1

    def _attempt(self, address: S3Object, path: Path) -> int:
        body = self._client.get_object(Bucket=address.bucket, Key=address.key)["Body"]
        aside = path.with_name(f"{path.name}.{threading.get_ident()}")
        try:
            with body, aside.open("wb") as file:
                while piece := body.read(_PIECE):
                    file.write(piece)
            return aside.replace(path).stat().st_size
        finally:
            aside.unlink(missing_ok=True)


class _Warnings:
    """Tells of attempts that fail: of the first, and now and then of one of those that follow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = 0
        self._next = 0.0

    def add(self, what: str, error: Exception) -> None:
        """Count an attempt that has failed, and log it unless another was told of a moment ago."""
        with self._lock:
            self._failed += 1
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + _QUIET
            failed = self._failed
        logger.warning("%s failed and will be repeated (failures so far: %d): %s", what, failed, error)


def _client(limits: Limits) -> "S3Client":
    config = Config(
        max_pool_connections=IN_FLIGHT,
        connect_timeout=limits.connect,
        read_timeout=limits.read,
        # Its own retries share a quota, which a service that is busy for long uses up.
        retries={"total_max_attempts": 1},
    )
    try:
        # A session of its own: the one that boto3 shares remembers credentials.
        return boto3.Session().client("s3", config=config)
    except (exceptions.BotoCoreError, ValueError) as error:  # the latter where the address of the service is none
        raise UserError(f"S3: expected a configuration of AWS that can be used, got: {error}") from error


def _may_pass(error: Exception) -> bool:
    """Say whether to ask again: the service is busy or broken, or the answer did not come."""
    if not isinstance(error, exceptions.ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= _SERVER or status == _TOO_MANY or error.response["Error"].get("Code") == _TIMED_OUT


def _refused(error: exceptions.ClientError, what: str, attempts: int) -> JobError:
    """Return what to say of an answer that is an error."""
    code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "no reason")
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _MISSING:
        return UserError(f"{what}: expected an object, got {code}; correct source-ref, or upload the image")
    if status == _FORBIDDEN:
        return UserError(
            f"{what}: expected an object that may be read, got {code}: {said}; allow the role or the user of the job "
            "s3:GetObject, and s3:ListBucket, without which a missing object is a forbidden one"
        )
    if _may_pass(error):
        return PlatformError(
            f"{what}: expected an object, got {code} from S3 in {attempts} attempts: {said}; try again later"
        )
    return UserError(f"{what}: expected an object that can be read, got {code}: {said}")


def _failed(error: exceptions.BotoCoreError, what: str, attempts: int) -> JobError:
    """Return what to say where there was no answer, or only a part of one."""
    if isinstance(error, _NO_ANSWER):
        return PlatformError(
            f"{what}: expected all of an object, got none in {attempts} attempts: {error}; try again later; "
            + _UNREACHABLE
        )
    if isinstance(error, _NO_CREDENTIALS):
        return UserError(
            f"{what}: expected credentials of AWS to fetch it with, got: {error}; give the job a role, or set "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; {_UNREACHABLE}"
        )
    return UserError(f"{what}: expected an object that can be read, got: {error}")
