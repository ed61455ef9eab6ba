"""Every hint that says how to install something names an installation that exists."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.doctor import CORE, EXTRAS
from fingerprints.errors import install_command
from fingerprints.subjects.llama.library import BUILD, PACKAGE

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", "utf-8")
OURS = SETUP["metadata"]["name"]
DECLARED = {
    extra: re.findall(r"^([A-Za-z0-9_-]+)", text, re.M)
    for extra, text in SETUP["options.extras_require"].items()
}
SOURCES = [
    p for name in ("auditor", "detectors", "fingerprints") for p in (ROOT / name).rglob("*.py")
]
PAGES = [
    ROOT / "README.md",
    ROOT / "Makefile",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
]
NAMED = re.compile(r"(?:distillation-auditor|['\"]\.)\[([a-z,]+)\]")


def packages_of(extra: str) -> set[str]:
    """What an extra installs, those that it takes in included."""
    text = SETUP["options.extras_require"][extra]
    inner = [e for found in re.findall(rf"{OURS}\[([^\]]+)\]", text) for e in found.split(",")]
    return {*DECLARED[extra]}.union(*map(packages_of, inner))


def told_missing() -> Iterator[tuple[str, str, str]]:
    """Every call of `missing_extra`: the file, the package (empty where it is no constant), the
    extra."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "missing_extra":
                package, extra = node.args[:2]
                assert isinstance(extra, ast.Constant), path
                named = package.value if isinstance(package, ast.Constant) else ""
                yield path.name, str(named), str(extra.value)


def test_a_missing_package_is_told_with_an_extra_that_installs_it() -> None:
    found = list(told_missing())
    assert len(found) > 10
    for path, package, extra in found:
        assert extra in DECLARED, f"{path}: {extra}"
        assert not package or package in packages_of(extra), f"{path}: {package} is not in {extra}"


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_extra_that_is_written_anywhere_exists(path: Path) -> None:
    for named in NAMED.findall(path.read_text("utf-8")):
        assert set(named.split(",")) <= set(DECLARED), named


def test_doctor_names_packages_and_extras_that_exist() -> None:
    required = re.findall(r"^([A-Za-z0-9_-]+)", SETUP["options"]["install_requires"], re.M)
    assert set(CORE) <= set(required)
    for package, (extra, _) in EXTRAS.items():
        assert package in packages_of(extra)


def test_the_build_of_llama_cpp_that_is_told_is_the_one_that_is_declared() -> None:
    assert f"{PACKAGE}=={BUILD}" in SETUP["options.extras_require"]["llama"]


def test_without_torch_the_packages_of_an_extra_are_named_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The extra itself would bring torch with it, which an installation for records goes without."""
    assert install_command("gguf") == f"pip install '{OURS}[gguf]'"
    monkeypatch.setattr("fingerprints.errors._is_installed", lambda name: False)
    required = ["torch>=2", 'gguf>=0.17; extra == "gguf"', 'b>=1; extra == "bedrock"']
    required.append(f'{OURS}[gguf]; extra == "bedrock"')
    monkeypatch.setattr("fingerprints.errors.metadata.requires", lambda name: required)
    assert install_command("gguf") == "pip install 'gguf>=0.17'"
    assert install_command("bedrock") == "pip install 'b>=1' 'gguf>=0.17'"
