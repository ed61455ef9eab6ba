"""What an audit ran on: versions, platform, device and threads, as plain text for the report and
`auditor doctor`."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from detectors.text.makers import makers_in_use

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "scikit-learn",
    "faiss-cpu",
    "peft",
    "gguf",
    "httpx2",
    "xllamacpp",
)


def version_of(package: str) -> str | None:
    """A package's installed version, None when it is not installed. Imports nothing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def environment() -> dict[str, str]:
    """Versions, platform, cores, and which table of makers' names is in use. Holds no path, user
    or host name."""
    out = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_cores": str(os.cpu_count() or 0),
        "threads": os.environ.get("OMP_NUM_THREADS", "automatic"),
    }
    versions = {package: version_of(package) for package in PACKAGES}
    table = makers_in_use()
    out["makers_table"] = f"{table.dated.isoformat()} sha256:{table.digest[:16]}"
    return {
        **out,
        **{package: version for package, version in versions.items() if version is not None},
    }
