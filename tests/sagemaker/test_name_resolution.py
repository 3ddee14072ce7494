import time

import pytest

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError, UserError
from gluon_ssd.sagemaker.name_resolution import addresses, of_interface, own_address


def test_an_interface_has_its_address_and_one_that_does_not_exist_has_none() -> None:
    assert of_interface("lo") == "127.0.0.1"
    assert of_interface("no-such-one0") is None


def test_a_wait_for_a_name_ends_when_the_job_is_asked_to_stop() -> None:
    with pytest.raises(StoppedError, match=r"while it waited for the name of host no-such-host\.invalid"):
        addresses(["127.0.0.3", "no-such-host.invalid"], deadline=Deadline.after(60), stopped=lambda: True)


def test_a_name_that_stays_unknown_is_a_fault_of_the_platform() -> None:
    with pytest.raises(PlatformError, match=r"expected the name no-such-host\.invalid to be known within 0\.2 s, got "):
        addresses(["no-such-host.invalid"], deadline=Deadline.after(0.2), stopped=lambda: False)


def test_the_wait_for_a_name_counts_from_when_the_deadline_was_set() -> None:
    expired = Deadline(seconds=900, at=time.monotonic())
    with pytest.raises(PlatformError, match=r"expected the name no-such-host\.invalid to be known within 900 s, got "):
        addresses(["no-such-host.invalid"], deadline=expired, stopped=lambda: False)


def test_a_host_is_found_by_its_interface_or_else_by_its_name() -> None:
    assert own_address("algo-1", "127.0.0.3", "lo") == "127.0.0.1"
    assert own_address("algo-1", "127.0.0.3", "no-such-one0") == "127.0.0.3"
    assert own_address("algo-1", "127.0.0.3", None) == "127.0.0.3"


def test_a_name_of_another_machine_is_a_mistake() -> None:
    with pytest.raises(UserError) as caught:
        own_address("algo-1", "192.0.2.1", None)  # nobody's, by RFC 5737
    assert str(caught.value) == (
        "resourceconfig.json: current_host: expected a name of this machine, got 'algo-1', whose address 192.0.2.1 is "
        "another's"
    )
