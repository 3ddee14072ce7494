"""The compute capability of NVIDIA's GPUs: what each can run."""

import ctypes

from gluon_ssd.errors import PlatformError, UserError

# The packages of MXNet 1.9.1 have machine code for 5.0, 6.0, 7.0, 8.0 and 8.6, which runs on all GPUs of the same major
# number, and no PTX, which newer ones would translate for themselves.
_FIRST = 5
_LAST = 8

# cudaDeviceAttr of CUDA's runtime API.
_MAJOR = 75
_MINOR = 76


def check(capability: tuple[int, int], gpu: int) -> None:
    """Refuse a GPU that MXNet has no code for, of which it would say so in the middle of training.

    Raises:
        UserError: this GPU, by its number on the machine, is older or newer than MXNet 1.9.1 knows.
    """
    major, minor = capability
    if not _FIRST <= major <= _LAST:
        raise UserError(
            f"GPU {gpu}: expected compute capability 5.0 to 8.9, which MXNet 1.9.1 has machine code for, "
            f"got {major}.{minor}; choose an instance with P100, V100, T4, A100, A10G, L4 or L40S GPUs (ml.p3, ml.p4d, "
            "ml.g4dn, ml.g5, ml.g6, ml.g6e), not with K80 (ml.p2), H100, H200 (ml.p5) or B200 ones"
        )


def of_gpu(gpu: int) -> tuple[int, int]:
    """Return the compute capability of a GPU, major and minor, by its number on this machine.

    Raises:
        PlatformError: CUDA does not tell it.
    """
    try:
        runtime = ctypes.CDLL("libcudart.so.11.0")  # MXNet has loaded it
    except OSError as error:
        raise PlatformError(f"GPU {gpu}: expected CUDA's runtime library, got {error}") from error
    return _attribute(runtime, _MAJOR, gpu), _attribute(runtime, _MINOR, gpu)


def _attribute(runtime: ctypes.CDLL, attribute: int, gpu: int) -> int:
    value = ctypes.c_int()
    code = runtime.cudaDeviceGetAttribute(ctypes.byref(value), attribute, gpu)
    if code:
        raise PlatformError(f"GPU {gpu}: expected its compute capability, got error {code} of CUDA; check the driver")
    return value.value
