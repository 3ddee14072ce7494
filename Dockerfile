# The image that trains: `docker build .` for CPUs, `docker build --build-arg DEVICE=gpu .` for NVIDIA GPUs.
# Layers that change seldom come first. BuildKit is not needed.
ARG BASE_IMAGE=debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# ---- Debian's packages that run
FROM ${BASE_IMAGE} AS system
ARG DEBIAN_FRONTEND=noninteractive
# Security updates of the base too, which is as old as its digest.
# libgomp1 and libquadmath0 are MXNet's; OpenMPI and SSH start the workers of Horovod.
RUN apt-get update \
 && apt-get upgrade -y \
 && apt-get install -y --no-install-recommends ca-certificates libgomp1 libquadmath0 openmpi-bin openssh-server \
      python3 python3-distutils \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /etc/ssh/ssh_host_* \
 && mkdir -p /run/sshd /usr/local/share/gluon-ssd/pretrained

# ---- the Python packages, and what builds those of them that are sources
FROM ${BASE_IMAGE} AS build
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cmake g++ libopenmpi-dev make python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
# Certificate authorities that this machine's network needs, as PEM text. They stay in this stage.
ARG EXTRA_CA_PEM=
RUN printf '%s\n' "${EXTRA_CA_PEM}" > /usr/local/share/ca-certificates/extra.crt && update-ca-certificates
# A package index of one's own, where PyPI is out of reach.
ARG PIP_INDEX_URL
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PATH=/opt/venv/bin:$PATH
RUN python3 -m venv /opt/venv && mkdir /opt/nvidia
ARG DEVICE=cpu
# CUDA's libraries, outside of /opt/venv, to be a layer of their own; with what tells their versions and licences.
COPY docker/cuda.txt /build/
RUN if [ "${DEVICE}" = gpu ]; then \
      pip install --no-deps --require-hashes --target /build/cuda -r /build/cuda.txt \
      && mv /build/cuda/nvidia/*/ /build/cuda/*.dist-info /opt/nvidia/; \
    fi
COPY docker/requirements.txt docker/requirements-gpu.txt /build/
RUN if [ "${DEVICE}" = gpu ]; then list=requirements-gpu.txt; else list=requirements.txt; fi \
 && pip install --no-deps --require-hashes -r /build/$list
COPY docker/build_horovod.sh docker/build_horovod_gpu.sh docker/horovod.txt docker/horovod-build.txt docker/nvcc.txt \
     docker/stub-libcuda.c /build/
# The wheels by name: what is installed as a file has no identity of PyPI in an SBOM.
RUN if [ "${DEVICE}" = gpu ]; then script=build_horovod_gpu.sh; else script=build_horovod.sh; fi \
 && PYTHON=python /build/$script /build/wheels \
 && grep -oE '^[a-z].*==[^ ]+' /build/horovod.txt | xargs pip install --no-deps --no-index --find-links /build/wheels

FROM build AS packages
ARG DEVICE=cpu
# What no job needs: headers, tests (with the private keys of some), and CUDA's libraries that nothing loads. All of cuDNN
# stays.
RUN pip uninstall --yes setuptools pip \
 && cd /opt/venv/lib/python3.11/site-packages \
 && find numpy scipy -type d -name tests -prune -exec rm -rf {} + \
 && find horovod -name '*.so' -exec strip {} + \
 && rm -rf tests onnx/test onnx/backend/test mxnet/include /opt/venv/include /opt/venv/bin/pip* \
      /opt/nvidia/*/include /opt/nvidia/__pycache__ /opt/nvidia/*cusparse* /opt/nvidia/cublas/lib/libnvblas.so* \
      /opt/nvidia/cuda_runtime/lib/libOpenCL.so* /opt/nvidia/cufft/lib/libcufftw.so* \
      /opt/nvidia/cusolver/lib/libcusolverMg.so*
RUN if [ "${DEVICE}" = gpu ]; then \
      gcc -shared -fPIC -O1 -s -Wl,-soname,libcuda.so.1 -o /opt/nvidia/libcuda.so.1 /build/stub-libcuda.c; \
    fi

# ---- this project
FROM build AS program
# Again, since a stage has none of another's where BuildKit is not in use.
ARG PIP_INDEX_URL
RUN pip install --no-deps --require-hashes -r /build/horovod-build.txt
COPY pyproject.toml README.md /build/program/
COPY src /build/program/src
RUN pip install --no-deps --no-build-isolation --prefix /opt/program /build/program

# ---- what runs
FROM system
COPY --from=packages /opt/nvidia /opt/nvidia
# The stub of the driver's library comes into /usr/lib, where the loader looks last, and only after its cache was written:
# the driver's own, wherever the NVIDIA runtime puts it, goes first.
RUN find /opt/nvidia -mindepth 2 -maxdepth 2 -name lib | sort > /etc/ld.so.conf.d/cuda.conf \
 && ldconfig \
 && rm -rf /var/cache/ldconfig \
 && if [ -e /opt/nvidia/libcuda.so.1 ]; then ln -s /opt/nvidia/libcuda.so.1 /usr/lib/; fi
COPY --from=packages /opt/venv /opt/venv
RUN echo /opt/program/lib/python3.11/site-packages > /opt/venv/lib/python3.11/site-packages/program.pth
# The NVIDIA runtime looks at the first two: without them it gives no GPU to an image that is not one of NVIDIA's.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GLUON_SSD_SSH_KEYS=1 \
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    PATH=/opt/program/entrypoints:/opt/program/bin:/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY entrypoints /opt/program/entrypoints
COPY --from=program /opt/program /opt/program
CMD ["train"]
