"""The Dockerfile says what the package says: its files, its packages, nobody's key, and no root."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / ".docker" / "Dockerfile"
TEXT = FILE.read_text("utf-8")
LINES = [
    line
    for line in re.sub(r"\\\n\s*", "", TEXT).splitlines()
    if line.strip() and not line.startswith("#")
]


def stages() -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for line in LINES:
        found = re.fullmatch(r"FROM \S+ AS (\w+)", line)
        if found:
            out[found[1]] = []
        else:
            out[next(reversed(out))].append(line)
    return out


def test_both_images_run_the_command_as_somebody_who_is_not_root() -> None:
    assert set(stages()) == {"base", "light", "full"}
    for name in ("light", "full"):
        lines = stages()[name]
        assert 'ENTRYPOINT ["auditor"]' in lines
        assert [line for line in lines if line.startswith("USER")] == ["USER 1000:1000"]
        after = lines[lines.index("USER 1000:1000") :]
        assert not [line for line in after if line.startswith("RUN")]


def test_no_image_is_built_with_a_secret() -> None:
    given = [line for line in LINES if line.startswith(("ARG", "ENV"))]
    assert given
    assert not [line for line in given if re.search(r"KEY|TOKEN|SECRET|PASSWORD", line)]
    assert "--mount=type=secret" not in TEXT


def test_what_is_copied_is_in_the_repository_and_not_ignored() -> None:
    kept = (FILE.parent / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = [p for line in LINES if line.startswith("COPY") for p in line.split()[1:-1]]
    assert {"auditor", "detectors", "fingerprints"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in kept


def test_packages_are_asked_for_as_setup_cfg_asks_for_them() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    extras = setup["options.extras_require"]
    declared = {line for text in extras.values() for line in text.split("\n") if line}
    light = next(line for line in stages()["light"] if line.startswith("RUN"))
    assert set(re.findall(r'"([a-z0-9]+>=[\d.]+)"', light)) <= declared
    full = " ".join(stages()["full"])
    for named in re.findall(r"\.\[([a-z,]+)\]", full):
        assert set(named.split(",")) <= set(extras)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="no linter of Dockerfiles here")
def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(["hadolint", str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
