"""Archives that no model should come in, each with the words that its refusal must have."""

import gzip
import io
import struct
import tarfile
from collections.abc import Callable

FILES = {
    "model_algo_1-symbol.json": b"{}",
    "model_algo_1-0000.params": bytes(range(256)) * 40,
    "hyperparams.json": b"{}",
}


def tar(*members: tuple[tarfile.TarInfo, bytes], format_: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def file(name: str, content: bytes = b"content") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def good(prefix: str = "") -> bytes:
    return tar(*[file(f"{prefix}{name}", content) for name, content in FILES.items()])


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def claiming(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header of a member that says it is so large, with nothing behind it."""
    info = tarfile.TarInfo("model_algo_1-0000.params")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def negative() -> bytes:
    """A header whose size is negative, in the form that GNU tar has for numbers that do not fit."""
    header = bytearray(claiming(0))
    header[124:136] = b"\xff" * 4 + struct.pack(">q", -1024)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def zeros(megabytes: int) -> bytes:
    return gzip.compress(bytes(2**20)) * megabytes


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "climbs out": (lambda: tar(file("../evil.params")), "expected paths below its own folder, got '../evil.params'"),
    "climbs out further in": (lambda: tar(file("a/../../evil")), "expected paths below its own folder"),
    "climbs out by a folder": (lambda: tar(special("../evil", tarfile.DIRTYPE)), "expected paths below its own folder"),
    "absolute": (lambda: tar(file("/tmp/evil")), "expected paths below its own folder, got '/tmp/evil'"),  # noqa: S108
    "two slashes": (lambda: tar(file("//evil")), "expected paths below its own folder"),
    "name with a zero byte": (
        lambda: tar(file("evil\0.params"), format_=tarfile.PAX_FORMAT),
        "expected",
    ),
    "endless name": (lambda: tar(file("x" * 300)), "expected paths of at most 255 bytes, got 'xxx"),
    "deep": (lambda: tar(file("x/" * 200 + "y")), "expected paths of at most 255 bytes"),
    "symbolic link": (
        lambda: tar(special("model.params", tarfile.SYMTYPE, "/etc/passwd")),
        "expected files and folders alone, got 'model.params', which is a link to '/etc/passwd'",
    ),
    "link to a folder, and a file through it": (
        lambda: tar(special("out", tarfile.SYMTYPE, ".."), file("out/evil")),
        "'out', which is a link to '..'",
    ),
    "hard link": (lambda: tar(file("a"), special("b", tarfile.LNKTYPE, "a")), "'b', which is a link to 'a'"),
    "device": (lambda: tar(special("null", tarfile.CHRTYPE)), "'null', which is a device or a pipe"),
    "block device": (lambda: tar(special("disk", tarfile.BLKTYPE)), "'disk', which is a device or a pipe"),
    "FIFO": (lambda: tar(special("pipe", tarfile.FIFOTYPE)), "'pipe', which is a device or a pipe"),
    "one path twice": (lambda: tar(file("a.params"), file("./a.params")), "expected each path once, got './a.params'"),
    "a file below a file": (
        lambda: tar(file("a"), file("a/b")),
        "expected files below folders, got 'a/b' below another file",
    ),
    "a file further below a file": (
        lambda: tar(file("a"), file("a/b/c")),
        "expected files below folders, got 'a/b/c' below another file",
    ),
    "a file that is a folder too": (
        lambda: tar(file("a/b"), file("a")),
        "expected files beside folders, got 'a' as both",
    ),
    "a file called as its folder": (lambda: tar(file(".")), "expected names of files, got '.' for one"),
    "a file without a name": (lambda: tar(file("")), "expected names of files, got '' for one"),
    "sparse file": (
        lambda: tar(special("a.params", tarfile.GNUTYPE_SPARSE)),
        "expected files and folders alone, got 'a.params', which is a sparse file",
    ),
    "many files": (lambda: tar(*[file(f"{n}.params") for n in range(65)]), "expected at most 64 files, got more"),
    "large file": (lambda: claiming(2**33), "expected files of at most 4294967296 bytes in all, got more"),
    "header of a gigabyte": (
        lambda: gzip.compress(claiming(2**30, tarfile.XHDTYPE)) + zeros(8),
        "expected at most 1048576 bytes besides its files",
    ),
    "long name of a gigabyte": (
        lambda: claiming(2**30, tarfile.GNUTYPE_LONGNAME),
        "expected at most 1048576 bytes besides its files",
    ),
    "bomb behind the end": (
        lambda: gzip.compress(good()) + zeros(200),
        "expected at most 1048576 bytes besides its files, got an archive with more",
    ),
    "negative size": (negative, "expected"),
    "gzip that breaks off": (lambda: gzip.compress(good())[:-300], "expected a whole tar archive"),
    "gzip without its last bytes": (lambda: gzip.compress(good())[:-4], "expected a whole tar archive"),
    "gzip with another checksum": (lambda: flipped(gzip.compress(good()), -6), "expected a whole tar archive"),
    "tar that breaks off in a file": (lambda: good()[:3000], "expected a whole tar archive"),
    "tar that breaks off in a header": (lambda: good()[:1300], "expected a whole tar archive"),
    "broken header": (lambda: flipped(good(), 1030), "expected a whole tar archive, gzipped or not, got one with"),
    "empty file": (lambda: b"", "expected a tar archive, gzipped or not, got an empty file"),
    "gzip of nothing": (lambda: gzip.compress(b""), "expected a whole tar archive"),
    "zip file": (lambda: b"PK\x03\x04" + bytes(600), "expected a whole tar archive"),
    "gzip of text": (lambda: gzip.compress(b"not a tar archive" * 99), "expected a whole tar archive"),
    "short text": (lambda: b"<html>404</html>", "expected a whole tar archive"),
    "archive without a file": (lambda: bytes(10_240), "expected a model"),
    "archive of something else": (
        lambda: tar(file("README"), file("._a.params")),
        "expected a model, such as model_algo_1-symbol.json and .params, got README",
    ),
    "archive of two models": (
        lambda: tar(file("a/x.params"), file("b/x.params")),
        "expected one model, got one in each of a, b",
    ),
    "model too deep": (lambda: good("a/b/"), "expected a model, such as model_algo_1-symbol.json and .params, got a"),
}
