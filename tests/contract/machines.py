"""Machines on a network of their own: network namespaces of this one, joined by a bridge; only root can have them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed_needs import expect


@dataclass(frozen=True)
class Machine:
    """One machine: its name among the others, and the words before a command that runs on it."""

    name: str
    namespace: str
    cable: str
    switch: str

    @property
    def before(self) -> tuple[str, ...]:
        return "ip", "netns", "exec", self.namespace

    def unplug(self) -> None:
        _ip("-n", self.switch, "link", "set", self.cable, "down")


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """Machines algo-1, algo-2 ..., each with an interface eth0; to each its own name means 127.0.0.1."""
    expect(
        "root and the command ip, for network namespaces", found=os.geteuid() == 0 and shutil.which("ip") is not None
    )
    with ExitStack() as stack:
        switch = stack.enter_context(_namespace("switch"))
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        made = []
        for number in range(1, count + 1):
            namespace = stack.enter_context(_namespace(f"algo-{number}"))
            made.append(Machine(f"algo-{number}", namespace, f"port{number}", switch))
            _connect(made[-1], f"10.77.0.{number}")
            names = [
                f"{'127.0.0.1' if other == number else f'10.77.0.{other}'} algo-{other}\n"
                for other in range(1, count + 1)
            ]
            hosts = Path("/etc/netns") / namespace / "hosts"
            hosts.parent.mkdir(parents=True)
            stack.callback(shutil.rmtree, hosts.parent)
            hosts.write_text("127.0.0.1 localhost\n" + "".join(names))
        yield made


def _connect(machine: Machine, address: str) -> None:
    peer = ("peer", "name", "eth0", "netns", machine.namespace)
    _ip("-n", machine.switch, "link", "add", machine.cable, "type", "veth", *peer)
    _ip("-n", machine.switch, "link", "set", machine.cable, "master", "bridge", "up")
    _ip("-n", machine.namespace, "address", "add", f"{address}/24", "dev", "eth0")
    for interface in ("lo", "eth0"):
        _ip("-n", machine.namespace, "link", "set", interface, "up")


@contextmanager
def _namespace(purpose: str) -> Iterator[str]:
    name = f"gluon-ssd-{os.getpid()}-{purpose}"
    added = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    expect(f"a network namespace ({added.stderr.strip()})", found=added.returncode == 0)
    try:
        yield name
    finally:
        _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
