"""What `make inventory` writes of the image."""

import json
import subprocess
from pathlib import Path

import pytest

from image.container import DEVICE, IMAGE
from image.needs import expect
from image.sdk import ROOT
from image.test_contents import as_locked, debian_packages, locked

pytestmark = pytest.mark.docker

TOOLS = ROOT / ".inventory"
PROGRAM = "gluon-ssd==0.1.0"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    expect(f"the tools of `make inventory` in {TOOLS}", found=(TOOLS / ".ready").exists())
    folder = tmp_path_factory.mktemp("inventory")
    subprocess.run([ROOT / "docker" / "inventory.sh", IMAGE, TOOLS, folder], check=True)
    return folder


def in_the_image() -> set[str]:
    jobs = locked("requirements-gpu") | locked("cuda") if DEVICE == "gpu" else locked("requirements")
    return {name for name in jobs | locked("horovod") if "cusparse" not in name}


def test_the_sbom_names_the_packages_of_the_lock_and_where_they_come_from(inventory: Path) -> None:
    components = json.loads((inventory / "sbom.json").read_text())["components"]
    found = {as_locked(f"{one['name']}=={one['version']}"): one.get("purl", "") for one in components}
    assert set(found) - {PROGRAM} == in_the_image()
    strangers = {name for name, address in found.items() if not address.startswith("pkg:pypi/")}
    assert strangers <= {PROGRAM}


def test_every_package_has_a_licence(inventory: Path) -> None:
    rows = [line.strip("| ").split("|") for line in (inventory / "licences.md").read_text().splitlines()[2:]]
    licences = {as_locked(f"{name.strip()}=={version.strip()}"): kind.strip() for name, version, kind in rows}
    assert in_the_image() <= set(licences)
    assert [name for name, kind in licences.items() if kind in ("", "UNKNOWN") and name != PROGRAM] == []
    general = {name for name, kind in licences.items() if "GPL" in kind and "LGPL" not in kind and "Lesser" not in kind}
    assert general == set()


def test_debians_packages_are_those_of_the_image(inventory: Path) -> None:
    listed = (inventory / "debian-packages.txt").read_text().splitlines()
    assert sorted(line.replace(":amd64", "") for line in listed) == sorted(
        f"{name}\t{version}" for name, version in debian_packages(IMAGE).items()
    )
