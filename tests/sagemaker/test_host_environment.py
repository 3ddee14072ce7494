import pytest

from gluon_ssd.sagemaker.host_environment import for_all_hosts

COMMON = {"NCCL_DEBUG": "INFO", "AWS_REGION": "us-east-1", "OMP_NUM_THREADS": "4", "SAGEMAKER_BASE_DIR": "/job"}


def test_what_a_user_has_set_is_for_all_hosts() -> None:
    assert for_all_hosts(COMMON) == COMMON


@pytest.mark.parametrize(
    "name",
    [
        "HOSTNAME",
        "CURRENT_HOST",
        "SM_CURRENT_HOST",
        "SM_CURRENT_INSTANCE_GROUP",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
    ],
)
def test_what_names_one_host_its_credentials_or_its_devices_stays_there(name: str) -> None:
    assert for_all_hosts(COMMON | {name: "of algo-1"}) == COMMON
