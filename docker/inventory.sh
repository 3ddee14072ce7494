#!/bin/sh
# What an image is made of: inventory.sh IMAGE TOOLS FOLDER writes an SBOM (CycloneDX), the licences of the Python packages,
# NVIDIA's libraries among them, and the list of Debian's packages into FOLDER. TOOLS is a folder that docker/inventory.txt was
# installed into.
set -eu
image=$1 tools=$(readlink -f "$2") folder=$3
mkdir -p "$folder"
docker image inspect "$image" > /dev/null 2>&1 || {
  echo "inventory.sh: expected the image $image, got none; 'make image' or 'make image-gpu' builds it" >&2
  exit 1
}

# The tools run on Debian's Python in the image, and look at the virtual environment, which they are no part of. In their
# container it knows NVIDIA's libraries too.
run() { # module arguments...
  docker run --rm --network none --volume "$tools:/tools:ro" "$image" sh -c '
    echo /opt/nvidia > /opt/venv/lib/python3.11/site-packages/nvidia.pth
    exec /usr/bin/python3 -c "$@"' sh \
    'import runpy, sys; sys.path.insert(0, "/tools"); del sys.argv[0]; runpy.run_module(sys.argv[0], run_name="__main__")' "$@"
}

run cyclonedx_py environment --output-reproducible /opt/venv/bin/python > "$folder/sbom.json"
run piplicenses --python /opt/venv/bin/python --format markdown --order license > "$folder/licences.md"
docker run --rm --network none "$image" dpkg-query --show > "$folder/debian-packages.txt"
