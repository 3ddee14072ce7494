"""Whether this machine computes in bfloat16."""

import pytest

from gluon_ssd.sagemaker import cpus

needs_bfloat16 = pytest.mark.skipif("avx512_bf16" not in cpus.flags(), reason="this CPU has no AVX512_BF16")
