"""What brings an engine, on a machine that has one."""

import os
import subprocess
from pathlib import Path

import pytest

from image.sdk import ROOT

pytestmark = pytest.mark.docker

FIRST, SECOND = (f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in ("MIIB", "MIIC"))


def test_a_shell_takes_the_machines_certificates_and_runs_none_of_their_comments(tmp_path: Path) -> None:
    (tmp_path / "a.crt").write_text(f"# Subject: CN=Bob's CA\n# '; touch {tmp_path}/ran; '\n{FIRST.rstrip()}")
    (tmp_path / "b.crt").write_text(SECOND)
    script = f'needed=$({ROOT}/docker/local-engine.sh start) && eval "$needed" && printf "%s" "$EXTRA_CA_PEM"'
    taken = subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "AUTHORITIES": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert taken.stdout == (FIRST + SECOND).rstrip()
    assert not (tmp_path / "ran").exists()
