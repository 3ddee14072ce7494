"""What SECURITY.md says of the locked packages."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| ((?:CVE|GHSA|PYSEC)-\S+) \| (\S+ \S+) \|", re.MULTILINE)


def test_what_is_accepted_is_of_packages_that_are_locked() -> None:
    """A row that outlives an upgrade would hide what nobody has looked at."""
    lists = "\n".join((ROOT / "docker" / f"{name}.txt").read_text() for name in ("requirements", "horovod"))
    locked = set(re.findall(r"^[a-z].*?==\S+", lists, re.MULTILINE))
    rows = ROW.findall((ROOT / "SECURITY.md").read_text())
    assert "CVE-2024-10190" in {advisory for advisory, _ in rows}
    assert {package.lower().replace(" ", "==") for _, package in rows} <= locked
