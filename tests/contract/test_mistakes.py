"""Jobs that cannot run: each ends with the right exit code, a failure file, and a message that says what to do."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from contract.job import Ended, Job, picture, pictures
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample

CUSTOMER, PLATFORM = 2, 3


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path / "ml")
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    return job


def run(job: Job) -> Ended:
    job.write_config()
    return job.run()


def expect_customer_error(ended: Ended, *words: str) -> None:
    assert ended.code == CUSTOMER, ended.log
    assert ended.failure is not None
    assert ended.failure.startswith("ClientError: ")
    for word in words:
        assert word in ended.failure
    assert "Customer Error: " in ended.log
    assert "Traceback" not in ended.log


def test_missing_hyperparameter(job: Job) -> None:
    del job.hyperparameters["num_classes"]
    expect_customer_error(run(job), "num_classes", "required")


@pytest.mark.parametrize("options", ["-x 'FOO=a b", "--NCCL_DEBUG"])
def test_options_of_mpirun_that_are_not_whole(job: Job, options: str) -> None:
    job.hyperparameters |= {"kv_store": "horovod", "sagemaker_mpi_custom_mpi_options": options}
    expect_customer_error(run(job), "sagemaker_mpi_custom_mpi_options", options)


def test_options_of_mpirun_with_spaces_do_not_reach_several_hosts(job: Job) -> None:
    job.hyperparameters |= {"kv_store": "horovod", "sagemaker_mpi_num_of_processes_per_host": "1"}
    job.hyperparameters["sagemaker_mpi_custom_mpi_options"] = "-x 'FOO=a b'"
    job.write_config()
    hosts = '{"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}'
    (job.base / "input" / "config" / "resourceconfig.json").write_text(hosts)
    expect_customer_error(job.run(), "sagemaker_mpi_custom_mpi_options", "without spaces", "'FOO=a b'")


def test_a_launcher_that_leaves_numbers_out_is_a_fault_of_the_platform(job: Job) -> None:
    job.hyperparameters["kv_store"] = "horovod"
    job.write_config()
    ended = job.run(HOROVOD_RANK="0")
    assert ended.code == PLATFORM, ended.log
    assert ended.failure == (
        "InternalServerError: horovod: expected the launcher of this process to give it its numbers, got no "
        "HOROVOD_SIZE"
    )
    assert "Traceback" not in ended.log


def test_unknown_hyperparameter_is_refused_with_a_suggestion(job: Job) -> None:
    job.hyperparameters["mini_batch_szie"] = "4"
    expect_customer_error(run(job), "mini_batch_szie", "did you mean 'mini_batch_size'")


def test_all_values_out_of_range_are_told_at_once(job: Job) -> None:
    job.hyperparameters |= {"learning_rate": "1.5", "epochs": "0", "image_shape": "63"}
    expect_customer_error(run(job), "learning_rate", "'1.5'", "epochs", "'0'", "image_shape", "64")


def test_hyperparameters_that_are_not_json(job: Job) -> None:
    job.write_config()
    (job.base / "input" / "config" / "hyperparameters.json").write_text('{"num_classes": "2",')
    expect_customer_error(job.run(), "hyperparameters.json", "JSON")


def test_channel_configuration_that_is_not_json(job: Job) -> None:
    job.write_config()
    (job.base / "input" / "config" / "inputdataconfig.json").write_text("train")
    expect_customer_error(job.run(), "inputdataconfig.json", "JSON")


@pytest.mark.parametrize("channel", ["train", "validation"])
def test_missing_channel(job: Job, channel: str) -> None:
    job.channels = {name: config for name, config in job.channels.items() if name != channel}
    expect_customer_error(run(job), f"Missing required channel: {channel}")


def test_channel_of_a_kind_that_is_not_read(job: Job) -> None:
    job.channels = {**job.channels, "train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}
    expect_customer_error(run(job), "train channel", "application/x-recordio", "image/jpeg", "'text/csv'")


def test_images_without_annotation_channel(job: Job) -> None:
    job.channels = {**job.channels, "train": {"ContentType": "image/jpeg", "TrainingInputMode": "File"}}
    expect_customer_error(run(job), "Missing required channel: train_annotation")


def test_empty_channel(job: Job) -> None:
    (job.base / "input" / "data" / "train" / "data.rec").unlink()
    expect_customer_error(run(job), "train channel", ".rec")


def test_channel_without_any_object(job: Job) -> None:
    background = Sample(picture(0, 0).image, np.empty((0, 6), np.float32))
    job.write_records("validation", [pack(background, index) for index in range(4)])
    expect_customer_error(run(job), "validation channel: expected an object in at least one image, got 4 without")


def test_empty_file(job: Job) -> None:
    job.write_records("train", [])
    expect_customer_error(run(job), "train channel", "data.rec")


def test_file_that_is_not_recordio(job: Job) -> None:
    (job.base / "input" / "data" / "train" / "data.rec").write_bytes(b"PK\x03\x04 a zip file, by the look of it")
    expect_customer_error(run(job), "Unable to parse record", "data.rec")


def test_truncated_last_record(job: Job) -> None:
    path = job.base / "input" / "data" / "validation" / "data.rec"
    path.write_bytes(path.read_bytes()[:-100])
    expect_customer_error(run(job), "Unable to parse record", "validation channel", "record 3")


def test_classification_labels(job: Job) -> None:
    image = picture(0, 0).image
    header = np.array([0], "<u4").tobytes() + np.array([3], "<f4").tobytes() + np.array([7, 0], "<u8").tobytes()
    job.write_records("train", [header + image])
    expect_customer_error(run(job), "Not enough annotation packed in the list file or the RecordIO file", "record 0")


def test_class_beyond_num_classes(job: Job) -> None:
    sample = picture(0, 0)
    sample.objects[0, 0] = 2
    job.write_records("train", [*pictures(3), pack(sample, 3)])
    expect_customer_error(run(job), "record 3", "num_classes")


def test_label_wider_than_label_width(job: Job) -> None:
    job.hyperparameters["label_width"] = "20"
    sample = picture(0, 0)
    crowd = Sample(sample.image, np.repeat(sample.objects, 5, axis=0))
    job.write_records("train", [*pictures(2), pack(crowd, 2)])
    expect_customer_error(run(job), "Invalid parameter value 'label_width'", "record 2", "32")


def test_no_image_can_be_decoded(job: Job) -> None:
    job.write_records("train", [pack(Sample(b"not an image", picture(i, 0).objects), i) for i in range(8)])
    expect_customer_error(run(job), "train channel", "JPEG or PNG")


def test_unwritable_model_folder(job: Job) -> None:
    job.model.parent.mkdir(parents=True, exist_ok=True)
    job.model.write_text("in the way")
    ended = run(job)
    assert ended.code == PLATFORM, ended.log
    assert ended.failure is not None
    assert ended.failure.startswith("InternalServerError: ")
    assert str(job.model) in ended.failure
    assert "init_train_data_iter" not in ended.log, "it should be found before the training"


def test_a_base_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    process = Job(tmp_path / "typo").start()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == CUSTOMER
    assert log == (
        f"train: expected the folder of a job, as SageMaker lays it out, got {tmp_path}/typo, which is none; mount one "
        "there (docker run -v JOB:/opt/ml), or name one by SAGEMAKER_BASE_DIR\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_hosts_that_horovod_cannot_start_without_a_description_of_the_channels_say_so(job: Job) -> None:
    job.hyperparameters |= {"kv_store": "horovod", "host_timeout": "5"}
    job.write_config()
    config = job.base / "input" / "config"
    (config / "resourceconfig.json").write_text('{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}')
    (config / "inputdataconfig.json").unlink()
    ended = job.run()
    assert ended.code == CUSTOMER, ended.log
    assert ended.failure == (
        f"ClientError: {config}/inputdataconfig.json: expected the channels of the job, which Horovod on several hosts "
        "cannot do without, got no such file"
    )


def test_unwritable_output_folder_still_gives_the_exit_code(job: Job) -> None:
    del job.hyperparameters["num_classes"]
    (job.base / "output").write_text("in the way")
    job.write_config()
    process = job.start()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == CUSTOMER
    assert "num_classes" in log


def test_batch_that_does_not_fit_the_memory(job: Job) -> None:
    job.hyperparameters["mini_batch_size"] = "3000"
    job.hyperparameters["num_workers"] = "0"
    job.write_config()
    ended = job.run("prlimit", f"--as={6 * 2**30}")
    expect_customer_error(ended, "out of memory", "mini_batch_size", "image_shape")


def test_channels_that_name_their_classes_differently(job: Job) -> None:
    for channel, names in (("train", "red\nblue\n"), ("validation", "blue\nred\n")):
        (job.base / "input" / "data" / channel / "data.classes").write_text(names)
    expect_customer_error(run(job), "class names", "red, blue in the train channel", "blue, red in the validation")


def test_gpu_instance_without_a_gpu_is_a_platform_error(job: Job) -> None:
    job.write_config()
    (job.base / "input" / "config" / "resourceconfig.json").write_text(
        '{"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.p3.2xlarge"}'
    )
    ended = job.run()
    assert ended.code == PLATFORM
    assert ended.failure is not None
    assert ended.failure.startswith("InternalServerError: GPU")


def test_a_mistake_replaces_the_failure_of_an_earlier_run_and_leaves_its_model(job: Job) -> None:
    output = job.base / "output"
    output.mkdir()
    (output / "failure").write_text("ClientError: epochs")
    (output / "model.tar.gz").write_text("an earlier model")
    (job.base / "input" / "data" / "validation" / "data.rec").write_bytes(b"no record")
    ended = run(job)
    expect_customer_error(ended, "validation channel")
    assert (output / "model.tar.gz").read_text() == "an earlier model"
    job.write_records("validation", pictures(4))
    ended = run(job)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert f'Removing "{output}/model.tar.gz", the model of an earlier job' in ended.log
    assert tarfile.is_tarfile(output / "model.tar.gz")


def test_words_after_the_command_are_told_to_count_for_nothing(job: Job) -> None:
    job.hyperparameters["num_classes"] = "none"
    job.write_config()
    ended = job.run("sh", "-c", 'exec "$0" --epochs 1')
    expect_customer_error(ended, "num_classes")
    assert "train: expected no words after it, got --epochs 1: hyperparameters.json is what counts" in ended.log
    job.hyperparameters["num_classes"] = "2"
    assert run(job).failure is None
