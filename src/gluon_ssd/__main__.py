"""Runs the command `gluon-ssd`: what its script calls, and `python -m gluon_ssd`."""

import signal
import sys


def main() -> int:
    """Run one subcommand, as `cli.main` does; Ctrl-C ends it without a word while modules are still imported."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gluon_ssd import cli  # noqa: PLC0415 - takes a while

    signal.signal(signal.SIGINT, handler)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
