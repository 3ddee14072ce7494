"""The three kinds of failure, told apart by who can act on them; and the end of a job that was asked to stop."""


class JobError(Exception):
    """A failure whose message is written for the person who reads why the job failed."""


class UserError(JobError):
    """The job's owner can mend it: hyperparameters, channels, data."""


class AlgorithmError(JobError):
    """A defect of this program."""


class PlatformError(JobError):
    """The machine or the service failed: no GPU driver, no disk space, a dead process."""


class StoppedError(Exception):
    """The job was asked to stop while it waited for data or for other hosts, which is no failure."""
