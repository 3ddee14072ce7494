from gluon_ssd.data.share import WHOLE, Share


def test_workers_take_the_parts_of_a_batch_in_order() -> None:
    assert [Share(rank, 3).of("abcdef") for rank in range(3)] == ["ab", "cd", "ef"]
    assert WHOLE.of("abc") == "abc"


def test_what_only_a_host_has_is_shared_by_its_own_workers() -> None:
    assert [Share(rank, 4, of_host=2).of_own_host.of("abcd") for rank in range(4)] == ["ab", "cd", "ab", "cd"]
    assert Share(1, 2).of_own_host == WHOLE
