#!/bin/sh
# Build Horovod's wheel for MXNet, with MPI and Gloo, into the folder $1, by the `python3` on the PATH.
#
# That Python needs MXNet, pip and what docker/requirements-build.in and -workers.in name; the machine cmake, g++, make and
# libopenmpi-dev. With DEVICE=gpu it is built with NCCL too, as root on Debian: CUDA's libraries are in /opt/nvidia (the
# wheels of docker/requirements-cuda.in), and this script brings a compiler that fits them, and takes it away again.
set -eu

wheels=$1
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
  export HOROVOD_WITH_MXNET=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1
  [ "${DEVICE:-cpu}" = cpu ] || use_cuda
  MAKEFLAGS=-j$(nproc) python3 -m pip wheel --no-deps --no-build-isolation --require-hashes \
    --wheel-dir "$wheels" -r "$here/requirements-horovod.txt"
}

use_cuda() {
  cuda=$work/cuda
  mkdir -p "$cuda/bin" "$cuda/nvvm/bin" "$cuda/include" "$cuda/lib64"
  take_compiler
  # The headers of all libraries: MXNet's include those of libraries that Horovod does not use.
  python3 -m pip install --quiet --no-deps --require-hashes --target "$work/nvcc" -r "$here/requirements-nvcc.txt"
  for folder in /opt/nvidia/*/include "$work/nvcc/nvidia/cuda_nvcc/include"; do cp -r "$folder/." "$cuda/include/"; done
  ln -s /opt/nvidia/nccl/lib/libnccl.so.2 "$cuda/lib64/libnccl.so"
  ln -s /opt/nvidia/cuda_runtime/lib/libcudart.so.11.0 "$cuda/lib64/libcudart.so"
  # CMake links these two when it tries the compiler, and the wheels have neither. The shared runtime takes the static
  # one's place; relocatable device code is not in use.
  echo 'INPUT(-lcudart)' > "$cuda/lib64/libcudart_static.a"
  ar cr "$cuda/lib64/libcudadevrt.a"
  # The build imports MXNet, which needs a driver or its stub.
  gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$cuda/lib64/libcuda.so.1" "$here/stub-libcuda.c"
  libraries=$(find /opt/nvidia -mindepth 2 -maxdepth 2 -name lib | tr '\n' ':')
  export LD_LIBRARY_PATH="$libraries$cuda/lib64" PATH="$cuda/bin:$PATH" CC=gcc-11 CXX=g++-11
  export HOROVOD_GPU=CUDA HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_CUDA_HOME="$cuda" HOROVOD_NCCL_HOME="$cuda" \
    HOROVOD_NCCL_LINK=SHARED HOROVOD_BUILD_CUDA_CC_LIST=50,60,70,75,80,86
}

# nvcc 11.8 from Debian's nvidia-cuda-toolkit, taken apart: installed, it would bring 5.6 GB. It takes no g++ newer than 11.
take_compiler() {
  sed -i 's/^Components: main$/Components: main contrib non-free/' /etc/apt/sources.list.d/debian.sources 2> /dev/null ||
    sed -i 's/ main$/ main contrib non-free/' /etc/apt/sources.list
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends g++-11 > /dev/null
  (cd "$work" && apt-get -qq download nvidia-cuda-toolkit && dpkg-deb -x nvidia-cuda-toolkit_*.deb toolkit)
  rm -rf /var/lib/apt/lists/*
  usr=$work/toolkit/usr
  mv "$usr/lib/nvidia-cuda-toolkit/bin/nvcc" "$usr/lib/nvidia-cuda-toolkit/bin/crt" \
    "$usr/bin/cudafe++" "$usr/bin/ptxas" "$usr/bin/fatbinary" "$usr/bin/nvlink" "$usr/bin/bin2c" "$cuda/bin/"
  mv "$usr/lib/nvidia-cuda-toolkit/bin/cicc" "$cuda/nvvm/bin/"
  mv "$usr/lib/nvidia-cuda-toolkit/libdevice" "$cuda/nvvm/"
  cat > "$cuda/bin/nvcc.profile" <<'PROFILE'
TOP              = $(_HERE_)/..
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH            += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES        +=  "-I$(TOP)/include" $(_SPACE_)
LIBRARIES        =+ $(_SPACE_) "-L$(TOP)/lib64"
PROFILE
}

main
