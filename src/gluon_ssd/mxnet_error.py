"""What MXNet says of a failure, as people can read it."""

import re

import mxnet as mx

_PLACES = re.compile(r'Traceback \(most recent call last\):|File "[^"]*", line \d+|\bMXNetError:')


def reason(error: mx.base.MXNetError) -> str:
    """Return the reason in MXNet's message on one line, without where in MXNet it was found."""
    message = str(error).partition("Stack trace")[0]
    from_check = message[max(message.find("Check failed"), 0) :]
    return " ".join(_PLACES.sub("", from_check).split())
