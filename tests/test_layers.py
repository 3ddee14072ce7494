"""Imports point one way; this reads them and fails on any other."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "gluon_ssd"

EVERYTHING = {
    "errors",
    "boxes",
    "deadline",
    "file_kinds",
    "sagemaker",
    "data",
    "ssd",
    "imagenet",
    "pretrained",
    "evaluation",
    "training",
    "mxnet_error",
    "parameter_file",
    "description",
    "artifact",
    "tar_archive",
    "temporary_folder",
    "model_folder",
    "best_model",
    "mxnet_network",
    "onnx_network",
    "onnx_export",
    "detector",
    "inputs",
    "starting_weights",
    "joining",
    "launching",
    "tools",
    "job",
    "train",
    "subcommand",
    "model_commands",
    "algorithm_command",
    "cli",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "boxes": set(),
    "deadline": set(),
    "file_kinds": set(),
    "sagemaker": {"deadline", "errors", "file_kinds"},
    "data": {"errors", "boxes", "file_kinds"},
    "ssd": {"errors", "boxes"},
    "mxnet_error": set(),
    "parameter_file": {"errors", "mxnet_error"},
    "description": {"errors", "ssd"},
    "imagenet": {"errors", "parameter_file", "ssd"},
    "pretrained": {"errors", "file_kinds", "imagenet", "ssd"},
    "evaluation": {"boxes"},
    "training": {"deadline", "errors", "ssd"},
    "artifact": {"description", "errors", "mxnet_error", "parameter_file"},
    "tar_archive": {"errors"},
    "temporary_folder": {"errors"},
    "model_folder": {"errors", "tar_archive", "temporary_folder"},
    "best_model": {"errors", "artifact", "description", "onnx_export", "ssd"},
    "mxnet_network": {"artifact", "description", "errors", "ssd"},
    "onnx_network": {"errors", "description", "sagemaker"},
    "onnx_export": {"artifact", "mxnet_network", "ssd"},
    "detector": {"artifact", "data", "description", "model_folder", "mxnet_network", "onnx_network", "ssd"},
    "inputs": {"errors", "sagemaker", "data", "temporary_folder"},
    "starting_weights": {
        "errors",
        "artifact",
        "description",
        "imagenet",
        "model_folder",
        "pretrained",
        "sagemaker",
        "ssd",
    },
    "joining": {"deadline", "errors", "sagemaker", "training"},
    "launching": {"deadline", "errors", "sagemaker", "training"},
    "tools": EVERYTHING
    - {
        "training",
        "best_model",
        "starting_weights",
        "joining",
        "launching",
        "job",
        "train",
        "subcommand",
        "model_commands",
        "algorithm_command",
        "cli",
        "tools",
    },
    "job": EVERYTHING
    - {"launching", "tools", "train", "subcommand", "model_commands", "algorithm_command", "cli", "job"},
    "train": {"errors", "sagemaker", "launching", "job"},
    "subcommand": set(),
    "model_commands": {"data", "detector", "errors", "sagemaker", "subcommand", "tools"},
    "algorithm_command": {"sagemaker", "subcommand", "tools"},
    "cli": EVERYTHING - {"cli"},
    "__main__": {"cli"},
}
WITHOUT_MXNET = {
    "errors",
    "boxes",
    "deadline",
    "file_kinds",
    "sagemaker",
    "data",
    "evaluation",
    "inputs",
    "tar_archive",
    "temporary_folder",
    "model_folder",
}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def layer(dotted: str) -> str:
    return dotted.split(".")[1]


def imported(path: Path) -> set[str]:
    """Every module that `path` imports, as a dotted name, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def name_of(path: Path) -> str:
    return ".".join(("gluon_ssd", *path.relative_to(SOURCE).with_suffix("").parts))


def siblings(path: Path) -> set[str]:
    """The modules of its own package that `path` imports."""
    package = name_of(path).rsplit(".", 1)[0]
    known = {name_of(other) for other in modules()}
    return {
        name
        for target in imported(path)
        for name in (target, target.rsplit(".", 1)[0])
        if name in known and name.rsplit(".", 1)[0] == package
    }


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module_imports_only_layers_below(path: Path) -> None:
    own = layer(name_of(path))
    ours = {layer(name) for name in imported(path) if name.startswith("gluon_ssd.")}
    assert ours - {own} <= MAY_IMPORT[own]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_network_side_imports_mxnet(path: Path) -> None:
    if layer(name_of(path)) in WITHOUT_MXNET:
        assert not {name for name in imported(path) if name.split(".")[0] in {"mxnet", "gluoncv"}}


def test_no_modules_of_a_package_import_each_other_in_a_circle() -> None:
    graph = {name_of(path): siblings(path) for path in modules()}
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert leaves, f"circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}


def test_only_paths_spells_the_base_folder() -> None:
    spelling = [path.name for path in modules() if any(is_base(node) for node in ast.walk(ast.parse(path.read_text())))]
    assert spelling == ["paths.py"]


def is_base(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith("/opt/ml")


def test_package_init_files_are_empty() -> None:
    assert [path for path in SOURCE.rglob("__init__.py") if path.read_text()] == []
