#!/bin/sh
# A Docker engine and a Debian base image on a machine that has neither; nothing is done where there are both.
#
#   docker/local-engine.sh start    as root on Debian; prints what `make image` needs here, for a shell: eval "$(... start)"
#   docker/local-engine.sh compose  Docker Compose too, which the local mode of SageMaker's SDK starts hosts by
#   docker/local-engine.sh stop     ends the engine, if `start` began it
set -eu

state=${ENGINE_STATE:-/run/gluon-ssd-engine} # the engine's process id and log, and the base while it is made
authorities=${AUTHORITIES:-/usr/local/share/ca-certificates}
debian=debian:bookworm-slim
made_here=gluon-ssd-base:debian-12

main() {
  case ${1:-} in
    start)
      engine
      image=$(base)
      printf "export BASE_IMAGE='%s'\n" "$image"
      printf "export EXTRA_CA_PEM='%s'\n" "$(own_authorities)"
      ;;
    compose) docker compose version > /dev/null 2>&1 || install docker-compose docker-compose ;;
    stop) stop ;;
    *)
      echo "local-engine.sh: expected start, compose or stop, got '${1:-}'" >&2
      exit 2
      ;;
  esac
}

engine() {
  ! docker info > /dev/null 2>&1 || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "local-engine.sh: expected an engine that 'docker info' reaches, got none, and only root can start one" >&2
    exit 1
  fi
  install dockerd docker.io
  install iptables iptables
  mkdir -p "$state"
  setsid dockerd --pidfile "$state/pid" > "$state/log" 2>&1 < /dev/null &
  for _ in $(seq 120); do
    ! docker info > /dev/null 2>&1 || return 0
    sleep 0.5
  done
  echo "local-engine.sh: expected dockerd to answer within a minute, got none; its last words:" >&2
  tail -n 5 "$state/log" >&2
  exit 1
}

# Print the name of a base image that is here: the one to pull, or one like it, made from Debian's packages.
base() {
  if docker image inspect "$made_here" > /dev/null 2>&1; then
    echo "$made_here"
    return
  fi
  pinned=$(sed -n 's/^ARG BASE_IMAGE=//p' "$(dirname "$0")/../Dockerfile")
  if docker image inspect "$pinned" > /dev/null 2>&1 || timeout 60 docker pull --quiet "$pinned" > /dev/null 2>&1; then
    echo "$pinned"
    return
  fi
  echo "local-engine.sh: $debian cannot be pulled here, so its like is made from Debian's packages" >&2
  make_base >&2
  echo "$made_here"
}

make_base() {
  install debootstrap debootstrap
  root=$state/base
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase bookworm "$root" > "$state/debootstrap.log" || {
    tail -n 5 "$state/debootstrap.log"
    exit 1
  }
  # debootstrap names the release alone; its updates are beside it.
  sed -i 's#^deb \(.*\) bookworm main$#&\ndeb \1 bookworm-updates main\ndeb \1-security bookworm-security main#' \
    "$root/etc/apt/sources.list"
  # What the published slim image leaves out too.
  cat > "$root/etc/dpkg/dpkg.cfg.d/slim" <<'DPKG'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
DPKG
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* \
    "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old
  find "$root/var/log" -type f -delete
  # Packages must not start services while an image is built.
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  # Names of this machine's network, not of the image.
  : > "$root/etc/resolv.conf"
  echo localhost > "$root/etc/hostname"
  tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - "$made_here" > /dev/null
  rm -rf "$root"
}

# Print the certificate authorities that this machine trusts beyond Debian's own: its network may need them.
own_authorities() {
  # The certificates alone: comments may hold what a shell reads otherwise.
  sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$authorities"/*.crt 2> /dev/null || true
}

install() { # command package
  ! command -v "$1" > /dev/null || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "local-engine.sh: expected the command $1, got none; only root on Debian gets it by this script" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >&2
  apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$2" > /dev/null
}

stop() {
  [ -f "$state/pid" ] || return 0
  pid=$(cat "$state/pid")
  # Its number may have gone to another process since.
  if [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = dockerd ]; then
    kill "$pid"
    for _ in $(seq 300); do
      # Dead where nobody has asked for it yet, as in a container whose first process never does.
      case $(cut -d ' ' -f 3 "/proc/$pid/stat" 2> /dev/null) in '' | Z) break ;; esac
      sleep 0.2
    done
    case $(cut -d ' ' -f 3 "/proc/$pid/stat" 2> /dev/null) in
      '' | Z) ;;
      *)
        echo "local-engine.sh: expected dockerd, process $pid, to end within a minute, got none" >&2
        exit 1
        ;;
    esac
  fi
  rm -rf "$state"
}

main "$@"
