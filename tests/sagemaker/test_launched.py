import pytest

from gluon_ssd.errors import PlatformError
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.launched import Launched

TWO_HOSTS = Cluster(("algo-2", "algo-1"), "algo-2")


def of_mpi(rank: int, count: int) -> dict[str, str]:
    numbers = {"RANK": rank, "SIZE": count, "LOCAL_RANK": rank % 2, "LOCAL_SIZE": 2}
    return {f"OMPI_COMM_WORLD_{name}": str(number) for name, number in numbers.items()}


def test_a_process_that_nobody_has_launched_has_no_place() -> None:
    assert Launched.of("horovod", TWO_HOSTS, {}) is None


def test_another_store_than_horovod_knows_no_place() -> None:
    assert Launched.of("dist_sync", TWO_HOSTS, of_mpi(2, 4)) is None


def test_processes_of_a_host_follow_each_other_and_its_first_speaks_for_it() -> None:
    third = Launched.of("horovod", TWO_HOSTS, of_mpi(2, 4))
    assert third == Launched(rank=2, count=4, of_host=2, on_machine=0, of_machine=2)
    assert third.is_first_of_host
    fourth = Launched.of("horovod", TWO_HOSTS, of_mpi(3, 4))
    assert fourth
    assert not fourth.is_first_of_host


def test_horovodrun_without_mpi_tells_the_same() -> None:
    numbers = {"RANK": "1", "SIZE": "2", "LOCAL_RANK": "0", "LOCAL_SIZE": "1"}
    told = {f"HOROVOD_{name}": number for name, number in numbers.items()}
    assert Launched.of("horovod", TWO_HOSTS, told) == Launched(1, 2, 1, 0, 1)


@pytest.mark.parametrize(("rank", "count"), [(0, 4), (2, 3), (0, 0)])
def test_processes_in_another_order_than_that_of_the_hosts_are_refused(rank: int, count: int) -> None:
    with pytest.raises(PlatformError) as caught:
        Launched.of("horovod", TWO_HOSTS, of_mpi(rank, count))
    assert str(caught.value) == (
        "horovod: expected as many processes on each of 2 hosts, in order of their names, got process "
        f"{rank} of {count} on algo-2"
    )


@pytest.mark.parametrize(
    ("told", "got"),
    [
        ({"HOROVOD_RANK": "0"}, "no HOROVOD_SIZE"),
        ({"HOROVOD_RANK": "first"}, "HOROVOD_RANK=first"),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": ""}, "OMPI_COMM_WORLD_SIZE="),
    ],
)
def test_a_launcher_that_does_not_tell_every_number_is_refused(told: dict[str, str], got: str) -> None:
    with pytest.raises(PlatformError) as caught:
        Launched.of("horovod", TWO_HOSTS, told)
    assert str(caught.value) == f"horovod: expected the launcher of this process to give it its numbers, got {got}"
