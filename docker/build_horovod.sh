#!/bin/sh
# Put what kv_store=horovod needs, as horovod.txt lists it, as wheels into a folder: build_horovod.sh FOLDER
# Horovod and sagemaker-training are built from source: Horovod for the MXNet of $PYTHON (default python3.11), with MPI
# and Gloo. HOROVOD_GPU and the other variables of Horovod's documentation go through to its build. It needs a C++
# compiler, cmake, make and Open MPI's headers, which root gets on Debian by this script, and $PYTHON's.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
docker=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3.11}
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
if ! [ -e "$include/Python.h" ]; then
  echo "build_horovod.sh: expected the headers of $python, got no $include/Python.h; Debian has them in python3-dev" >&2
  exit 1
fi
if ! { command -v mpicxx && command -v cmake && command -v c++ && command -v make; } > /dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "build_horovod.sh: expected mpicxx, cmake, a C++ compiler and make; install libopenmpi-dev, openmpi-bin, cmake, g++, make" >&2
    exit 1
  fi
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends libopenmpi-dev openmpi-bin cmake g++ make
fi
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
pip="$python -m pip --quiet --disable-pip-version-check"
$pip install --target "$tools" --no-deps --require-hashes -r "$docker/horovod-build.txt"
export HOROVOD_WITH_MXNET=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1
export MAKEFLAGS=-j$(nproc)
# No cache: that of pip does not know what a wheel was built for.
PYTHONPATH=$tools PATH="$tools/bin:$PATH" $pip wheel --no-cache-dir --no-build-isolation --no-deps --require-hashes \
  --wheel-dir "$out" -r "$docker/horovod.txt"
