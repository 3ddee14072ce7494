import time

from gluon_ssd.deadline import Deadline


def test_what_is_left_of_a_deadline_runs_out() -> None:
    deadline = Deadline.after(0.1)
    assert deadline.seconds == 0.1
    assert 0 < deadline.left <= 0.1
    time.sleep(0.15)
    assert deadline.left < 0
