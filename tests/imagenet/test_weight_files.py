from pathlib import Path

import pytest
from gluoncv.model_zoo import model_store

from gluon_ssd.imagenet.weight_files import WEIGHT_FILES
from gluon_ssd.ssd.base_networks import BASE_NETWORKS

FILES = [weight_file for several in WEIGHT_FILES.values() for weight_file in several]


def test_digests_are_those_that_gluoncv_has() -> None:
    published = vars(model_store)["_model_sha1"]
    digests = {weight_file.name: weight_file.sha1 for weight_file in FILES if weight_file.sha1}
    assert digests == {name: published[name] for name in digests}
    assert {"vgg16_atrous", "resnet50_v2"} <= digests.keys()


def test_each_base_network_has_a_file_whose_digest_is_known() -> None:
    assert WEIGHT_FILES.keys() == BASE_NETWORKS.keys()
    assert all(several[0].sha1 for several in WEIGHT_FILES.values())


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("vgg16_atrous-4fa2e1ad.params", "vgg16_atrous"),
        ("vgg16_atrous.params", "vgg16_atrous"),
        ("vgg16_atrous-0badf00d.params", None),
        ("vgg16_reduced-0001.params", "vgg16_reduced"),
        ("vgg16_reduced-0000.params", "vgg16_reduced"),
        ("vgg16_reduced.params", None),
        ("vgg16-e660d456.params", None),
        ("resnet50_v2-ecdde353.params", "resnet50_v2"),
        ("resnet50_v1-cc729d95.params", None),
        ("resnet-50-0000.params", "resnet-50"),
        ("model_algo_1-0000.params", None),
    ],
)
def test_files_are_told_by_their_names(file_name: str, expected: str | None) -> None:
    assert [file.name for file in FILES if file.is_called(file_name)] == ([expected] if expected else [])


def test_the_readme_has_each_file_and_its_digest() -> None:
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text()
    for base_network, (published, *others) in WEIGHT_FILES.items():
        row = f"| `{base_network}` | `{published.file_name}` | `{published.sha1}` |"
        line = next(line for line in readme.splitlines() if line.startswith(row))
        assert [other.name in line for other in others] == [True] * len(others)
