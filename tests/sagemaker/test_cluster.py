import json
from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.cluster import Cluster


def read(folder: Path, config: object) -> Cluster:
    path = folder / "resourceconfig.json"
    path.write_text(json.dumps(config))
    return Cluster.read(path)


def test_the_present_form_is_read(tmp_path: Path) -> None:
    group = {"hosts": ["algo-1"], "instance_group_name": "homogeneousCluster", "instance_type": "ml.p3.2xlarge"}
    config = {
        "current_group_name": "homogeneousCluster",
        "current_host": "algo-1",
        "current_instance_type": "ml.p3.2xlarge",
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }

    assert read(tmp_path, config) == Cluster(("algo-1",), "algo-1", "eth0", "ml.p3.2xlarge")


def test_the_older_form_with_several_hosts_is_read(tmp_path: Path) -> None:
    config = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2", "algo-3"], "network_interface_name": "eth1"}

    cluster = read(tmp_path, config)

    assert cluster == Cluster(("algo-1", "algo-2", "algo-3"), "algo-2", "eth1", None)
    assert (cluster.rank, cluster.primary) == (1, "algo-1")


def test_the_form_of_local_mode_is_read(tmp_path: Path) -> None:
    cluster = read(tmp_path, {"current_host": "algo-1-x7k2p", "hosts": ["algo-1-x7k2p"]})

    assert cluster == Cluster(("algo-1-x7k2p",), "algo-1-x7k2p", None, None)
    assert cluster.primary == cluster.current_host


def test_without_a_file_this_is_the_only_host(tmp_path: Path) -> None:
    assert Cluster.read(tmp_path / "resourceconfig.json") == Cluster(("algo-1",), "algo-1", None, None)


def test_the_rank_does_not_depend_on_the_order_of_the_list() -> None:
    hosts = ("algo-2", "algo-10", "algo-1")

    ranks = {host: Cluster(hosts, host).rank for host in hosts}

    assert ranks == {"algo-1": 0, "algo-10": 1, "algo-2": 2}
    assert {Cluster(hosts, host).primary for host in hosts} == {"algo-1"}


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("ml.p3.2xlarge", True),
        ("ml.p3dn.24xlarge", True),
        ("ml.g4dn.xlarge", True),
        ("ml.g5.48xlarge", True),
        ("ml.c5.2xlarge", False),
        ("ml.c6g.large", False),
        ("ml.trn1.2xlarge", False),
        (None, False),
    ],
)
def test_gpu_instances_are_known_by_their_family(instance_type: str | None, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert Cluster(instance_type=instance_type).is_gpu_instance is expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"current_host": "algo-3", "hosts": ["algo-1", "algo-2"]},
            "hosts: expected a list of names with the current host 'algo-3', got ['algo-1', 'algo-2']",
        ),
        (
            {"current_host": "algo-2", "host": ["algo-1", "algo-2"]},
            "hosts: expected a list of names with the current host 'algo-2', got []",
        ),
        ({"hosts": "algo-1"}, "hosts: expected a list of names with the current host 'algo-1', got 'algo-1'"),
        ({"hosts": ["algo-1", 2]}, "hosts: expected a list of names with the current host 'algo-1', got ['algo-1', 2]"),
        ({"current_host": 1}, "current_host: expected a string, got 1"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(tmp_path: Path, config: object, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, config)

    assert str(caught.value) == f"{tmp_path / 'resourceconfig.json'}: {message}"
