"""The matrix unit of Intel's CPUs (AMX), which MXNet 1.9.1 leaves unused unless the process asks for it."""

import ctypes
from collections.abc import MutableMapping

_ARCH_PRCTL = 158  # the system call's number on x86-64
_ARCH_REQ_XCOMP_PERM = 0x1023
_XFEATURE_XTILEDATA = 18
_LARGEST_ISA = "DNNL_MAX_CPU_ISA"


def enable(environ: MutableMapping[str, str]) -> bool:
    """Let this process's convolutions use AMX; return whether they will. To be called before MXNet computes anything.

    Linux gives the unit's registers to processes that ask for them (Documentation/arch/x86/xstate.rst), and would end
    any other with SIGILL. MXNet 1.9.1 has oneDNN 2.4, which does not ask, and uses AMX only where `DNNL_MAX_CPU_ISA`
    names it (oneDNN's "CPU Dispatcher Control"). A value that is set already stays as it is.
    """
    if _LARGEST_ISA in environ:
        return "AMX" in environ[_LARGEST_ISA] and _granted()
    if not _granted():
        return False
    environ[_LARGEST_ISA] = "AVX512_CORE_AMX"
    return True


def _granted() -> bool:
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA) == 0)
