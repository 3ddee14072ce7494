# The ways to build, try and check gluon-ssd. `make` alone lists them.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
DEMO := demo
DEVICE := cpu
HOROVOD := .horovod
# Built once for all checkouts that have these files, and for a Python and an operating system, so an Open MPI.
HOROVOD_FILES := docker/build_horovod.sh docker/horovod.txt docker/horovod-build.txt docker/requirements.txt
HOROVOD_WHEELS = $(HOME)/.cache/gluon-ssd/horovod-$(shell { cat $(HOROVOD_FILES) /etc/os-release; $(PYTHON) --version; } | sha256sum | cut -c 1-12)

.PHONY: help setup train test test-distributed check lock bench bench-image clean image image-gpu test-image test-image-gpu test-sdk3 inventory audit

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv from the locked requirements

$(READY): docker/requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r docker/requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

train: $(READY)  ## train on generated scenes, then draw what the model finds (about 5 minutes)
	rm -rf $(DEMO)
	$(BIN)/gluon-ssd prepare scenes --images 400 --seed 1 --output $(DEMO)/data/train.rec
	$(BIN)/gluon-ssd prepare scenes --images 100 --seed 2 --output $(DEMO)/data/validation.rec
	$(BIN)/gluon-ssd train --train $(DEMO)/data/train.rec --validation $(DEMO)/data/validation.rec --output $(DEMO)/job \
	  --hyperparameter num_classes=5 base_network=resnet-50 image_shape=128 mini_batch_size=8 epochs=8 \
	  optimizer=adam learning_rate=0.0003 lr_scheduler_step=6 augmentation=light
	$(BIN)/gluon-ssd draw $(DEMO)/job/model $(DEMO)/data/validation.rec --output $(DEMO)/pictures --count 6 --threshold 0.3
	@echo "model:    $(DEMO)/job/output/model.tar.gz"
	@echo "pictures: $(DEMO)/pictures"

test: $(READY)  ## run the tests but for those of test-image; those of test-distributed are skipped
	$(BIN)/pytest -m "not docker"

$(HOROVOD)/.ready: $(HOROVOD_FILES) $(READY)
	rm -rf $(HOROVOD)
	test -e $(HOROVOD_WHEELS)/.ready || PYTHON=$(CURDIR)/$(BIN)/python docker/build_horovod.sh $(HOROVOD_WHEELS)
	touch $(HOROVOD_WHEELS)/.ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --target $(HOROVOD) $(HOROVOD_WHEELS)/*.whl
	touch $@

test-distributed: $(HOROVOD)/.ready  ## build Horovod, and run the tests that need it, or network namespaces, so root
	docker/distributed_tools.sh
	REQUIRE_DISTRIBUTED=1 PYTHONPATH=$(CURDIR)/$(HOROVOD) $(BIN)/pytest -m distributed

check: $(READY)  ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## print the benchmark tables
	$(BIN)/python benchmarks/training_speed.py
	$(BIN)/python benchmarks/base_networks.py
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/input_pipeline.py
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/record_readers.py
	$(BIN)/python benchmarks/reader_memory.py
	$(BIN)/python benchmarks/distributed.py

WITH_ENGINE := needed=$$(docker/local-engine.sh start) && eval "$$needed"

bench-image: $(READY)  ## print the size of the image and how fast it is built and starts; DEVICE=gpu for the other
	$(WITH_ENGINE) && $(BIN)/python benchmarks/image.py --device $(DEVICE)

# These arguments go in where the environment has them: docker/local-engine.sh prints what this machine needs.
image:  ## build the image for CPUs, gluon-ssd:cpu (needs Docker)
	docker build --build-arg BASE_IMAGE --build-arg EXTRA_CA_PEM --build-arg PIP_INDEX_URL --tag gluon-ssd:cpu .

image-gpu:  ## build the image for NVIDIA GPUs, gluon-ssd:gpu (needs Docker, and 15 GB while it is built)
	docker build --build-arg BASE_IMAGE --build-arg EXTRA_CA_PEM --build-arg PIP_INDEX_URL --build-arg DEVICE=gpu --tag gluon-ssd:gpu .

# The SDKs need another numpy than MXNet.
.venv-%/.ready: docker/%.txt
	$(PYTHON) -m venv --clear .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r docker/$*.txt
	touch $@

test-image: $(READY) .venv-sdk/.ready .inventory/.ready  ## build the image for CPUs and drive it as its users do (as root; on Debian it needs nothing)
	docker/local-engine.sh compose
	$(WITH_ENGINE) && $(MAKE) image && REQUIRE_DOCKER=1 $(BIN)/pytest -m docker

test-image-gpu: $(READY) .inventory/.ready  ## build the image for GPUs, look at what is in it, and train on the CPU
	$(WITH_ENGINE) && $(MAKE) image-gpu \
	  && REQUIRE_DOCKER=1 IMAGE_DEVICE=gpu $(BIN)/pytest -m docker tests/image/test_contents.py tests/image/test_inventory.py tests/image/test_gpu_image.py

test-sdk3: $(READY) .venv-sdk3/.ready  ## the same by version 3 of SageMaker's SDK alone, which takes 940 MB
	docker/local-engine.sh compose
	$(WITH_ENGINE) && $(MAKE) image \
	  && REQUIRE_DOCKER=1 $(BIN)/pytest -m docker tests/image/test_model_trainer.py

.inventory/.ready: docker/inventory.txt $(READY)
	rm -rf .inventory
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .inventory -r docker/inventory.txt
	touch $@

inventory: .inventory/.ready  ## list what an image is made of (SBOM, licences) in inventory/; DEVICE=gpu for the other
	docker/inventory.sh gluon-ssd:$(DEVICE) .inventory inventory

audit: .inventory/.ready  ## ask PyPI for known vulnerabilities of the image's Python packages, beyond SECURITY.md
	PYTHON=$(BIN)/python docker/audit.sh .inventory

LOCK := .venv-lock/bin/uv pip compile --quiet $(UPGRADE) --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
  --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

# What is locked stays, where it can; UPGRADE=--upgrade takes the newest.
lock:  ## resolve docker/*.in into complete lists with versions and hashes
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet uv==0.13.9
	for name in requirements requirements-dev; do \
	  $(LOCK) --override docker/overrides.txt docker/$$name.in --output-file docker/$$name.txt > /dev/null || exit; \
	done
	$(LOCK) --override docker/overrides-horovod.txt --constraint docker/requirements.txt \
	  docker/horovod.in --output-file docker/horovod.txt > /dev/null
	$(LOCK) --constraint docker/requirements.txt docker/horovod-build.in --output-file docker/horovod-build.txt > /dev/null
	$(LOCK) --override docker/overrides.txt --override docker/overrides-gpu.txt \
	  docker/requirements-gpu.in --output-file docker/requirements-gpu.txt > /dev/null
	for name in cuda nvcc; do \
	  $(LOCK) --no-deps docker/$$name.in --output-file docker/$$name.txt > /dev/null || exit; \
	done
	for name in sdk sdk3 inventory; do \
	  $(LOCK) docker/$$name.in --output-file docker/$$name.txt > /dev/null || exit; \
	done
	rm -rf .venv-lock

clean:  ## remove everything that make has made
	rm -rf .venv .venv-lock $(HOROVOD) .venv-sdk .venv-sdk3 .inventory inventory $(DEMO) .mypy_cache .pytest_cache .ruff_cache
