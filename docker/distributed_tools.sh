#!/bin/sh
# Install what `make test-distributed` runs and pip does not have: Open MPI, an SSH server, the command ip.
set -eu
missing=
for pair in mpirun:openmpi-bin /usr/sbin/sshd:openssh-server ssh:openssh-client ip:iproute2; do
  command -v "${pair%%:*}" > /dev/null || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "distributed_tools.sh: expected root on Debian, or these to be installed:$missing" >&2
  exit 1
fi
apt-get update
# shellcheck disable=SC2086 # several packages
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
