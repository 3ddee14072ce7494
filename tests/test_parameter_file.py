"""Parameter files, in the forms that MXNet has written, whole and broken."""

import struct
from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd import parameter_file
from gluon_ssd.errors import UserError

ON_CPU = struct.pack("<ii", 1, 0)
FLOATS = ON_CPU + struct.pack("<i6f", 0, 1, 2, 3, 4, 5, 6)
# As MXNet has written an array of shape (2, 3): before 0.9, until 0.12, and since then.
FORMS = {
    "0.8": struct.pack("<I2I", 2, 2, 3) + FLOATS,
    "0.11": struct.pack("<II2q", 0xF993FAC8, 2, 2, 3) + FLOATS,
    "1.3": struct.pack("<IiI2q", 0xF993FAC9, 0, 2, 2, 3) + FLOATS,
}


def parameters(*arrays: bytes, names: bytes | None = None) -> bytes:
    """A file of these arrays, called arg:a, arg:b and so on unless `names` follow as they are."""
    if names is None:
        own = [f"arg:{letter}".encode() for letter in "abc"[: len(arrays)]]
        names = struct.pack("<Q", len(own)) + b"".join(struct.pack("<Q", len(name)) + name for name in own)
    return struct.pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + names


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_any_mxnet_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.params"
    path.write_bytes(parameters(FORMS[form], FORMS["1.3"]))
    arg_params, aux_params = parameter_file.read(path, what="model")
    assert {name: array.asnumpy().tolist() for name, array in arg_params.items()} == {
        "a": [[1, 2, 3], [4, 5, 6]],
        "b": [[1, 2, 3], [4, 5, 6]],
    }
    assert aux_params == {}


def test_what_mxnet_writes_now_has_the_last_form(tmp_path: Path) -> None:
    mx.nd.save(str(tmp_path / "a.params"), {"arg:a": mx.nd.array([[1, 2, 3], [4, 5, 6]])})
    assert (tmp_path / "a.params").read_bytes() == parameters(FORMS["1.3"])


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", "int32", "int8", "int64", "bool"])
def test_numbers_of_any_type_are_passed_over(tmp_path: Path, dtype: str) -> None:
    mx.nd.save(str(tmp_path / "a.params"), {"aux:a": mx.nd.ones(3, dtype=dtype), "arg:b": mx.nd.ones(2)})
    arg_params, aux_params = parameter_file.read(tmp_path / "a.params", what="model")
    assert (aux_params["a"].shape, arg_params["b"].shape) == ((3,), (2,))


HUGE = 0x7FFFFFFF
BROKEN = {
    "no bytes": (b"", "a file that ends too early: 24 bytes should follow where 0 do"),
    "text": (b"?" * 99, "a file of another kind"),
    "dimension with 64 bits": (
        parameters(struct.pack("<IiI2q", 0xF993FAC9, 0, 2, HUGE, 3) + FLOATS),
        "a file that ends too early: 25769803764 bytes should follow where 45 do",
    ),
    "dimension with 32 bits": (
        parameters(struct.pack("<I2I", 2, 2, HUGE) + FLOATS),
        "a file that ends too early: 17179869176 bytes should follow where 45 do",
    ),
    "dimensions": (
        parameters(struct.pack("<III2q", 0xF993FAC9, 0, HUGE, 2, 3) + FLOATS),
        "a file that ends too early: 17179869176 bytes",
    ),
    "other magic": (parameters(struct.pack("<I", HUGE)), "a file that ends too early: 8589934588 bytes"),
    "negative dimension": (
        parameters(struct.pack("<IiI2q", 0xF993FAC9, 0, 2, -2, -3) + FLOATS),
        r"an array of shape \(-2, -3\)$",
    ),
    "no dimension": (parameters(struct.pack("<I", 0)), r"an array of shape \(\)$"),
    "sparse": (parameters(struct.pack("<Ii", 0xF993FAC9, 1)), "an array of storage type 1, where a dense one has 0"),
    "type": (
        parameters(struct.pack("<IiIq", 0xF993FAC9, 0, 1, 1) + ON_CPU + struct.pack("<if", 12, 1)),
        "an array of numbers of type 12, where MXNet's are 0 to 7",
    ),
    "count of arrays": (
        struct.pack("<QQQ", 0x112, 0, 2**61) + FORMS["1.3"],
        "a file that ends too early: 4 bytes should follow where 0 do",
    ),
    "count of names": (
        parameters(FORMS["1.3"], names=struct.pack("<Q", 2**61)),
        "2305843009213693952 names for 1 arrays",
    ),
    "length of a name": (
        parameters(FORMS["1.3"], names=struct.pack("<QQ", 1, 2**61) + b"arg:a"),
        "a file that ends too early: 2305843009213693952 bytes should follow where 5 do",
    ),
    "form of NumPy": (parameters(struct.pack("<I", 0xF993FACA)), "Check failed: .*np shape semantics"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_claims_what_it_has_not_is_refused_unread(tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    path = tmp_path / "a.params"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^model, {path}: expected MXNet parameters, got {message}"):
        parameter_file.read(path, what="model")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.params"
    whole = parameters(*FORMS.values())
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match="expected MXNet parameters, got a file that ends too early"):
            parameter_file.read(path, what="model")


def test_a_file_with_a_byte_changed_anywhere_gives_arrays_or_an_error_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.params"
    whole = parameters(*FORMS.values())
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x7F]) + whole[place + 1 :])
        try:
            parameter_file.read(path, what="model")
        except UserError as error:
            assert str(error).startswith(f"model, {path}: expected ")  # noqa: PT017
            assert not {"Traceback", "\n", "std:", "vector:"} & set(str(error).split())  # noqa: PT017


@pytest.mark.parametrize("kind", ["folder", "missing"])
def test_what_is_no_file_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.params"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UserError, match=f"^model, {path}: expected a file that can be read, got "):
        parameter_file.read(path, what="model")


def test_names_without_a_prefix_and_no_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.params"
    mx.nd.save(str(path), {"features.0.gamma": mx.nd.ones(3)})
    with pytest.raises(UserError, match=r"a\.params: expected names that begin with arg: or aux:, got 'features\.0"):
        parameter_file.read(path, what="model")
    mx.nd.save(str(path), [mx.nd.ones(3)])
    with pytest.raises(UserError, match=r"^model, .*a\.params: expected named parameters, got a list$"):
        parameter_file.read(path, what="model")
