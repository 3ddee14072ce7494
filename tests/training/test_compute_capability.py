import pytest

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.training import compute_capability


@pytest.mark.parametrize("capability", [(5, 0), (6, 0), (6, 1), (7, 0), (7, 5), (8, 0), (8, 6), (8, 9)])
def test_gpus_that_mxnet_has_code_for_are_taken(capability: tuple[int, int]) -> None:
    compute_capability.check(capability, 0)


@pytest.mark.parametrize("capability", [(3, 5), (3, 7), (9, 0), (10, 0), (12, 0)])
def test_older_and_newer_gpus_are_refused_with_those_that_would_do(capability: tuple[int, int]) -> None:
    with pytest.raises(UserError) as raised:
        compute_capability.check(capability, 3)
    message = str(raised.value)
    major, minor = capability
    assert message.startswith(
        "GPU 3: expected compute capability 5.0 to 8.9, which MXNet 1.9.1 has machine code for, "
        f"got {major}.{minor}; choose an instance with P100, V100, T4, A100, A10G, L4 or L40S GPUs"
    )


def test_without_cuda_or_a_gpu_the_capability_is_not_guessed() -> None:
    with pytest.raises(PlatformError, match=r"^GPU 99: expected "):
        compute_capability.of_gpu(99)
