import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.hyperparameters import DEFAULTS, Hyperparameters, markdown_table

REQUIRED = {"num_classes": "3", "num_training_samples": "364"}

# The "Final configuration" that a job of the built-in algorithm printed in 2021, of a job that set nothing.
BUILT_IN_DEFAULTS = {
    "base_network": "vgg-16",
    "use_pretrained_model": "0",
    "num_classes": "",
    "mini_batch_size": "32",
    "epochs": "30",
    "learning_rate": "0.001",
    "lr_scheduler_step": "",
    "lr_scheduler_factor": "0.1",
    "optimizer": "sgd",
    "momentum": "0.9",
    "weight_decay": "0.0005",
    "overlap_threshold": "0.5",
    "nms_threshold": "0.45",
    "num_training_samples": "",
    "image_shape": "300",
    "_tuning_objective_metric": "",
    "_kvstore": "device",
    "kv_store": "device",
    "_num_kv_servers": "auto",
    "label_width": "350",
    "freeze_layer_pattern": "",
    "nms_topk": "400",
    "early_stopping": "False",
    "early_stopping_min_epochs": "10",
    "early_stopping_patience": "5",
    "early_stopping_tolerance": "0.0",
    "_begin_epoch": "0",
}


def mistakes(strings: dict[str, str]) -> str:
    with pytest.raises(UserError) as caught:
        Hyperparameters.parse(strings)
    return str(caught.value)


def test_a_job_that_sets_only_what_it_must_gets_the_built_ins_defaults() -> None:
    job = Hyperparameters.parse(REQUIRED)

    assert (job.num_classes, job.num_training_samples) == (3, 364)
    assert (job.base_network, job.use_pretrained_model, job.image_shape) == ("vgg-16", False, 300)
    assert (job.epochs, job.mini_batch_size, job.begin_epoch) == (30, 32, 0)
    assert (job.optimizer, job.learning_rate, job.momentum, job.weight_decay) == ("sgd", 0.001, 0.9, 0.0005)
    assert (job.lr_scheduler_step, job.lr_scheduler_factor) == ((), 0.1)
    assert (job.overlap_threshold, job.nms_threshold, job.nms_topk) == (0.5, 0.45, 400)
    assert (job.label_width, job.freeze_layer_pattern, job.kv_store) == (350, "", "device")
    assert (job.early_stopping, job.early_stopping_min_epochs, job.early_stopping_patience) == (False, 10, 5)
    assert job.early_stopping_tolerance == 0.0
    assert (job.seed, job.augmentation, job.num_workers, job.ignored) == (233, "full", None, ())
    assert (job.shuffle, job.shuffle_buffer, job.pipe_timeout) == (True, 1000, 3600)
    assert job.label_attribute == ""


def test_the_defaults_are_printed_as_the_built_in_prints_them_and_extensions_follow() -> None:
    extensions = {
        "_ps_port": "8000",
        "host_timeout": "900",
        "seed": "233",
        "reset_classes": "0",
        "augmentation": "full",
        "shuffle": "True",
        "shuffle_buffer": "1000",
        "pipe_timeout": "3600",
        "label_attribute": "",
        "num_workers": "auto",
        "export_onnx": "0",
        "precision": "float32",
        "sagemaker_mpi_enabled": "0",
        "sagemaker_mpi_num_of_processes_per_host": "auto",
        "sagemaker_mpi_custom_mpi_options": "",
    }

    assert list(DEFAULTS.items()) == [*BUILT_IN_DEFAULTS.items(), *extensions.items()]


def test_float16_is_refused_where_machines_do_not_take_their_steps_together() -> None:
    apart = REQUIRED | {"kv_store": "dist_async"}
    assert Hyperparameters.parse(apart | {"precision": "bfloat16"}).precision == "bfloat16"
    assert mistakes(apart | {"precision": "float16"}) == (
        "hyperparameters: precision: expected float32 or bfloat16 with kv_store dist_async, got 'float16'"
    )


def test_the_final_configuration_keeps_the_order_and_the_users_spelling() -> None:
    strings = {"_stamp": "7", "early_stopping": "TRUE", "learning_rate": "5.3e-05", "epochs": "3.0", "seed": "1"}

    final = Hyperparameters.parse(REQUIRED | strings).as_strings()

    assert list(final) == [*DEFAULTS, "_stamp"]
    assert final == DEFAULTS | REQUIRED | strings


def test_a_blank_value_shows_as_the_default_it_stands_for() -> None:
    job = Hyperparameters.parse(REQUIRED | {"epochs": " ", "kv_store": "", "lr_scheduler_step": ""})

    assert job.as_strings() == DEFAULTS | REQUIRED
    assert (job.epochs, job.kv_store, job.lr_scheduler_step) == (30, "device", ())


def test_a_final_configuration_reads_back_as_the_same_job() -> None:
    job = Hyperparameters.parse(REQUIRED | {"lr_scheduler_step": "3, 6", "num_workers": "2", "sagemaker_region": "x"})
    again = Hyperparameters.parse(job.as_strings())

    assert again.as_strings() == job.as_strings()
    assert dataclasses.replace(again, ignored=job.ignored) == job


def test_a_job_cannot_be_changed_through_its_strings() -> None:
    job = Hyperparameters.parse(REQUIRED)
    before = copy.deepcopy(job.as_strings())
    job.as_strings()["epochs"] = "1"

    assert job.as_strings() == before
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - made in this test


def test_what_the_console_sends_is_accepted() -> None:
    console = {
        "early_stopping": "false",
        "freeze_layer_pattern": "false",
        "early_stopping_tolerance": "0.0",
        "kv_store": "dist_sync",
        "use_pretrained_model": "1",
        "momentum": "0",
        "weight_decay": "0.0",
    }
    job = Hyperparameters.parse(REQUIRED | console)

    assert (job.early_stopping, job.freeze_layer_pattern, job.kv_store) == (False, "", "dist_sync")
    assert (job.use_pretrained_model, job.momentum, job.weight_decay) == (True, 0.0, 0.0)
    assert job.as_strings()["freeze_layer_pattern"] == "false"


def test_the_built_ins_own_configuration_is_accepted_whole() -> None:
    job = Hyperparameters.parse(BUILT_IN_DEFAULTS | REQUIRED)

    assert job.as_strings() == DEFAULTS | REQUIRED
    assert job.ignored == ("_tuning_objective_metric", "_kvstore", "_num_kv_servers")


def test_private_names_are_accepted_and_those_that_do_nothing_are_listed() -> None:
    private = {"_tuning_objective_metric": "validation:mAP", "sagemaker_job_name": "j", "_begin_epoch": "4", "_x": "y"}
    job = Hyperparameters.parse(REQUIRED | private)

    assert job.ignored == ("_tuning_objective_metric", "sagemaker_job_name", "_x")
    assert job.begin_epoch == 4
    assert job.as_strings() == DEFAULTS | REQUIRED | private


def test_all_mistakes_are_told_at_once() -> None:
    job = {
        "num_classes": "two",
        "mini_batch_szie": "8",
        "learning_rate": "5",
        "optimizer": "SGD",
        "freeze_layer_pattern": "*conv",
    }

    assert mistakes(job) == (
        "hyperparameters: num_classes: expected an integer from 1 to 65536, got 'two'; "
        "learning_rate: expected a number in (0, 1], got '5'; "
        "optimizer: expected sgd, adam, rmsprop or adadelta, got 'SGD'; "
        "num_training_samples: expected an integer of at least 1, got nothing (required); "
        "freeze_layer_pattern: expected a regular expression, got '*conv' (nothing to repeat at position 0); "
        "mini_batch_szie: no such hyperparameter, did you mean 'mini_batch_size'?"
    )


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Epochs", ", did you mean 'epochs'?"),
        ("num_class", ", did you mean 'num_classes'?"),
        ("kvstore", ", did you mean 'kv_store'?"),
        ("zzz", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name: str, suggestion: str) -> None:
    assert mistakes(REQUIRED | {name: "1"}) == f"hyperparameters: {name}: no such hyperparameter{suggestion}"


@pytest.mark.parametrize(
    ("name", "ends", "inside", "outside"),
    [
        ("learning_rate", "(0, 1]", ["1", "1e-9"], ["0", "1.1"]),
        ("lr_scheduler_factor", "(0, 1)", ["0.5"], ["0", "1"]),
        ("momentum", "[0, 1]", ["0", "1"], ["-0.1", "1.1"]),
        ("weight_decay", "[0, 1)", ["0", "0.999"], ["1"]),
        ("overlap_threshold", "(0, 1]", ["1"], ["0"]),
        ("nms_threshold", "(0, 1]", ["1"], ["0"]),
        ("early_stopping_tolerance", "[0, 1]", ["0", "1"], ["-1", "nan"]),
    ],
)
def test_ranges_are_the_documented_ones(name: str, ends: str, inside: list[str], outside: list[str]) -> None:
    for text in inside:
        assert getattr(Hyperparameters.parse(REQUIRED | {name: text}), name) == float(text)
    for text in outside:
        message = mistakes(REQUIRED | {name: text})
        assert message == f"hyperparameters: {name}: expected a number in {ends}, got '{text}'"


def test_the_least_image_shape_depends_on_the_network() -> None:
    assert Hyperparameters.parse(REQUIRED | {"image_shape": "268"}).image_shape == 268
    small = REQUIRED | {"image_shape": "64"}
    assert Hyperparameters.parse(small | {"base_network": "resnet-50"}).image_shape == 64

    least = "image_shape: expected an integer from 268 with vgg-16, 64 with the others, to 8192"
    assert mistakes(REQUIRED | {"image_shape": "267"}) == f"hyperparameters: {least}, got '267' with vgg-16"
    assert mistakes(small | {"image_shape": "63", "base_network": "resnet-50"}) == (
        f"hyperparameters: {least}, got '63'"
    )
    assert mistakes(small | {"base_network": "alexnet"}) == (
        "hyperparameters: base_network: expected vgg-16, resnet-50, resnet-18, resnet-34, resnet-101, mobilenet-1.0, "
        "mobilenet-0.25 or mobilenetv2-1.0, got 'alexnet'"
    )


def test_a_job_cannot_begin_after_its_last_epoch() -> None:
    assert Hyperparameters.parse(REQUIRED | {"_begin_epoch": "4", "epochs": "5"}).begin_epoch == 4
    assert mistakes(REQUIRED | {"_begin_epoch": "5", "epochs": "5"}) == (
        "hyperparameters: _begin_epoch: expected an integer below epochs (5), since epochs count from 0, got '5'"
    )


def test_a_seed_must_fit_mxnets_generator() -> None:
    assert Hyperparameters.parse(REQUIRED | {"seed": "2147483647"}).seed == 2147483647
    assert mistakes(REQUIRED | {"seed": "2147483648"}) == (
        "hyperparameters: seed: expected an integer from 0 to 2147483647, got '2147483648'"
    )


def test_a_file_may_hold_numbers_and_booleans(tmp_path: Path) -> None:
    path = tmp_path / "hyperparameters.json"
    values = {"num_classes": 3, "num_training_samples": 364, "early_stopping": True, "learning_rate": 5.3e-05}
    path.write_text(json.dumps(values))

    job = Hyperparameters.read(path)

    assert (job.num_classes, job.early_stopping, job.learning_rate) == (3, True, 5.3e-05)
    assert job.as_strings()["num_classes"] == "3"


def test_a_file_with_a_list_or_not_a_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hyperparameters.json"
    path.write_text('{"num_classes": "3", "num_training_samples": 9, "lr_scheduler_step": [3, 6], "momentum": NaN}')

    with pytest.raises(UserError) as caught:
        Hyperparameters.read(path)

    assert str(caught.value) == (
        "hyperparameters: "
        "lr_scheduler_step: expected integers of at least 1, separated by commas and increasing, got '[3, 6]'; "
        "momentum: expected a number in [0, 1], got 'NaN'"
    )


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hyperparameters.json"
    with pytest.raises(UserError, match=f"^{path}: expected a file, got none"):
        Hyperparameters.read(path)

    path.write_text('{"epochs": }')
    with pytest.raises(UserError, match=f"^{path}: expected JSON, got a mistake: .* line 1 column 12"):
        Hyperparameters.read(path)


def test_the_table_for_people_has_a_line_for_each_hyperparameter_that_acts() -> None:
    lines = markdown_table().splitlines()
    names = [line.split("`")[1] for line in lines[2:]]

    assert lines[:2] == ["| name | values | default | meaning | extension |", "|---|---|---|---|---|"]
    assert names == [
        name for name in DEFAULTS if name not in ("_tuning_objective_metric", "_kvstore", "_num_kv_servers")
    ]
    assert all(line.count("|") == 6 for line in lines)
    extensions = [line.split("`")[1] for line in lines if line.endswith("| yes |")]
    assert extensions == [
        "_ps_port",
        "host_timeout",
        "seed",
        "reset_classes",
        "augmentation",
        "shuffle",
        "shuffle_buffer",
        "pipe_timeout",
        "label_attribute",
        "num_workers",
        "export_onnx",
        "precision",
        "sagemaker_mpi_enabled",
        "sagemaker_mpi_num_of_processes_per_host",
        "sagemaker_mpi_custom_mpi_options",
    ]
    assert (
        "| `num_classes` | an integer from 1 to 65536 | required | number of classes, background not counted |  |"
        in lines
    )
    assert "| `epochs` | an integer of at least 1 | `30` | number of epochs |  |" in lines


@pytest.mark.parametrize(
    ("strings", "store"),
    [
        ({}, "dist_sync"),
        ({"kv_store": "device"}, "dist_sync"),
        ({"kv_store": "dist_async"}, "dist_async"),
        ({"kv_store": "horovod"}, "horovod"),
        ({"sagemaker_mpi_enabled": "true"}, "horovod"),
        ({"sagemaker_mpi_enabled": "true", "kv_store": "dist_async"}, "dist_async"),
    ],
)
def test_several_workers_share_gradients_as_the_job_or_the_sdk_says(strings: dict[str, str], store: str) -> None:
    assert Hyperparameters.parse(REQUIRED | strings).store == store


def test_options_of_mpirun_are_words() -> None:
    job = Hyperparameters.parse(REQUIRED | {"sagemaker_mpi_custom_mpi_options": '"--NCCL_DEBUG INFO"'})
    assert job.sagemaker_mpi_custom_mpi_options == ("--NCCL_DEBUG", "INFO")


def test_options_of_mpirun_that_are_not_whole_are_a_mistake() -> None:
    with pytest.raises(UserError) as caught:
        Hyperparameters.parse(REQUIRED | {"sagemaker_mpi_custom_mpi_options": "-x 'FOO=a b"})
    assert str(caught.value) == (
        'hyperparameters: sagemaker_mpi_custom_mpi_options: expected options of mpirun, got "-x \'FOO=a b" '
        "(No closing quotation)"
    )
