#!/bin/sh
# Known vulnerabilities of the image's Python packages: audit.sh TOOLS [OPTION OF PIP-AUDIT]...
# TOOLS is a folder that docker/inventory.txt was installed into. What SECURITY.md accepts is told and passed over; anything
# else is a failure, and so is a package of which nothing is known.
set -eu
docker=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$1"
shift
accepted=$(grep -oE '^\| (CVE|GHSA|PYSEC)-[0-9A-Za-z-]+' "$docker/../SECURITY.md" | cut -c 3-)
echo "accepted, as SECURITY.md tells:" $accepted

lists=$(for name in requirements requirements-gpu horovod; do echo "--requirement $docker/$name.txt"; done)
ignored=$(for id in $accepted; do echo "--ignore-vuln $id"; done)
"${PYTHON:-python3.11}" -m pip_audit --strict --disable-pip --progress-spinner off $lists $ignored "$@" || {
  echo "audit.sh: expected data on every package and no vulnerability that SECURITY.md does not accept, got the above;" \
    "'not found on PyPI' means that the data cannot be reached from here" >&2
  exit 1
}
