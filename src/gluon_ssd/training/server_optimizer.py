"""The optimizer that runs on the servers where workers do not wait for each other (`dist_async`)."""

from collections.abc import Mapping
from typing import Any

import mxnet as mx

FIRST_MESSAGE = 1_000_000
"""The first key that holds what workers tell each other; parameters have those below."""
VALUES = (8, 4096)
"""How many values a worker says in a message, a short or a long one.

With 64 workers a long one is still below the million numbers of which MXNet begins to divide arrays among servers.
"""


def message_key(number: int, *, is_long: bool) -> int:
    """Return the key of a message; see `KVStoreWorkers.gather` for why there are two in turn."""
    return FIRST_MESSAGE + 2 * is_long + number % 2


def message_row(key: int) -> int:
    """Return how long a worker's row of a message is: its number, and the values, each as two numbers."""
    return 2 * (1 + VALUES[(key - FIRST_MESSAGE) // 2])


class ServerOptimizer(mx.optimizer.Optimizer):  # type: ignore[misc]  # MXNet has no types
    """An optimizer for the parameters that lets each worker write its row of a message.

    A server knows no parameters, so that their multipliers of learning rate and weight decay go with the optimizer.
    """

    def __init__(self, own: mx.optimizer.Optimizer | None, parameters: Mapping[str, mx.gluon.Parameter]) -> None:
        self.own = own
        # The trainer multiplies by it what it divides gradients by.
        super().__init__(rescale_grad=1.0 if own is None else own.rescale_grad)
        ordered = [parameters[name] for name in sorted(parameters)]  # as gluon's Trainer numbers them
        if own is not None:
            own.lr_mult = {index: parameter.lr_mult for index, parameter in enumerate(ordered)}
            own.wd_mult = {index: parameter.wd_mult for index, parameter in enumerate(ordered)}
            own.param_dict = {}

    def create_state_multi_precision(self, index: int, weight: mx.nd.NDArray) -> Any:  # noqa: ANN401
        """Return what the optimizer keeps for this key."""
        return (
            None if self.own is None or index >= FIRST_MESSAGE else self.own.create_state_multi_precision(index, weight)
        )

    def update_multi_precision(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: Any) -> None:  # noqa: ANN401
        """Take a step, or keep the rows of a message whose first value says that they are somebody's."""
        if index >= FIRST_MESSAGE:
            # Servers hold everything flat.
            shape = (-1, message_row(index))
            rows, news = weight.reshape(shape), grad.reshape(shape)
            weight[:] = mx.nd.where(news[:, 0] != 0, news, rows).reshape(weight.shape)
        elif self.own is not None:
            self.own.rescale_grad = self.rescale_grad
            self.own.update_multi_precision(index, weight, grad, state)
