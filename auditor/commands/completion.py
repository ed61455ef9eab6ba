"""What the shell offers while a command is typed, where click can't know it: probe sets and
presets, detectors, the models of a store. Asks nobody, loads no model, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from auditor.audits.plan import BUNDLED
from detectors.registry import detector_names
from fingerprints.errors import AuditError
from fingerprints.probes import PRESETS, bundled_probe_sets

MOST = 500
"""Names of a store that are offered: a shell shows no more."""


def probe_sets(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Presets, which stand alone, and the sets that ship."""
    presets = [] if "," in typed else [name for name in PRESETS if name.startswith(typed)]
    return [CompletionItem(name, help="preset") for name in presets] + _listed(
        bundled_probe_sets(), typed
    )


def detectors(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """The detectors by name."""
    return _listed(detector_names(), typed)


def stored_models(
    context: click.Context, _parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """The models of the store that the command line or the environment names, else of the bundled
    one; none where it can't be opened."""
    from auditor.audits.frame import open_store  # opens files, which the other lists need not

    try:
        with open_store(context.params.get("store_dir") or BUNDLED) as store:
            names = [teacher.name for teacher in store.teachers()]
    except AuditError:
        return []  # the command itself says what is wrong with it
    return [CompletionItem(name) for name in names if name.startswith(typed)][:MOST]


def _listed(names: Iterable[str], typed: str) -> list[CompletionItem]:
    """Names that go on with the last of several, comma-separated, that are not named yet."""
    before, comma, last = typed.rpartition(",")
    given = before.split(",")
    return [
        CompletionItem(f"{before}{comma}{name}")
        for name in names
        if name.startswith(last) and name not in given
    ]
