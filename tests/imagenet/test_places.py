from pathlib import Path

from gluon_ssd.imagenet import places

IMAGE = Path("/usr/local/share/gluon-ssd/pretrained")


def test_the_channel_comes_first_then_the_variable_then_the_image() -> None:
    named = {"GLUON_SSD_PRETRAINED": "/named"}
    assert places.folders(Path("/channel"), named) == [Path("/channel"), Path("/named"), IMAGE]
    assert places.folders(None, {"GLUON_SSD_PRETRAINED": ""}) == [IMAGE]


def test_a_machine_has_them_where_the_variable_says_or_where_an_image_does() -> None:
    assert places.own_folder({"GLUON_SSD_PRETRAINED": "/named"}) == Path("/named")
    assert places.own_folder({}) == IMAGE
