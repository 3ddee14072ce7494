#!/bin/sh
# As build_horovod.sh, with NCCL for GPUs: build_horovod_gpu.sh FOLDER
# It runs as root on Debian, where CUDA's libraries are in /opt/nvidia (the wheels of cuda.txt), and needs no GPU. It brings
# a compiler of CUDA that fits them.
set -eu
docker=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cuda=$work/cuda

# nvcc 11.8 from Debian's nvidia-cuda-toolkit, taken apart: installed, it would bring 5.6 GB. It takes no g++ newer than 11.
take_compiler() {
  find /etc/apt -name 'debian.sources' -exec sed -i 's/^Components: main$/Components: main non-free contrib/' {} +
  find /etc/apt -name 'sources.list' -exec sed -i 's/ main$/ main non-free contrib/' {} +
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends g++-11
  (cd "$work" && apt-get download nvidia-cuda-toolkit && dpkg-deb -x nvidia-cuda-toolkit_*.deb toolkit)
  usr=$work/toolkit/usr
  mkdir -p "$cuda/bin" "$cuda/nvvm/bin" "$cuda/include" "$cuda/lib64"
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

take_libraries() {
  "$python" -m pip install --no-deps --require-hashes --target "$work/nvcc" -r "$docker/nvcc.txt"
  # The headers of all libraries: MXNet's include those of libraries that Horovod does not use.
  for folder in /opt/nvidia/*/include "$work/nvcc/nvidia/cuda_nvcc/include"; do cp -r "$folder/." "$cuda/include/"; done
  ln -s /opt/nvidia/nccl/lib/libnccl.so.2 "$cuda/lib64/libnccl.so"
  ln -s /opt/nvidia/cuda_runtime/lib/libcudart.so.11.0 "$cuda/lib64/libcudart.so"
  # CMake links these two when it tries the compiler, and the wheels have neither. The shared runtime takes the static
  # one's place; relocatable device code is not in use.
  echo 'INPUT(-lcudart)' > "$cuda/lib64/libcudart_static.a"
  ar cr "$cuda/lib64/libcudadevrt.a"
  # The build imports MXNet, which needs a driver or its stub.
  gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$cuda/lib64/libcuda.so.1" "$docker/stub-libcuda.c"
}

take_compiler
take_libraries
export LD_LIBRARY_PATH="$(find /opt/nvidia -mindepth 2 -maxdepth 2 -name lib | tr '\n' ':')$cuda/lib64"
export PATH="$cuda/bin:$PATH" CC=gcc-11 CXX=g++-11
export HOROVOD_GPU=CUDA HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED HOROVOD_CUDA_HOME="$cuda" HOROVOD_NCCL_HOME="$cuda"
# Those that mxnet-cu112 has machine code for.
export HOROVOD_BUILD_CUDA_CC_LIST=50,60,70,80,86
"$docker/build_horovod.sh" "$1"
