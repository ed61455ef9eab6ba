"""What a scan would read and compare, from the log's names and first rows: nothing is judged."""

from __future__ import annotations

from auditor.audits.logs.benign import load_calibration
from auditor.audits.logs.linking import ATTRIBUTES
from auditor.audits.logs.mapping import mapped
from auditor.audits.logs.plan import ScanPlan
from auditor.audits.logs.reading import usable_of_first
from auditor.audits.logs.records import LogLook
from auditor.audits.logs.sources import log_files
from auditor.audits.logs.warehouse import warehouse
from detectors.extraction.signals import silent_without

FIRST_ROWS = 10_000


def look(plan: ScanPlan) -> LogLook:
    """What `scan` would do with a plan. Reads the first rows only, and raises what it would of a
    wrong map or a file that is none."""
    with warehouse(plan.spill, plan.memory_gb, plan.threads) as house:
        files = log_files(plan.log.arguments)
        found, talks = mapped(house, files, plan.log.given, plan.log.preset)
        rows, usable = usable_of_first(house, files[0], found, talks, FIRST_ROWS)
    if plan.benign is not None:
        compared = f"benign log {', '.join(plan.benign.arguments[:3])}"
    elif plan.benign_until is not None:
        compared = f"this log before {plan.benign_until:%Y-%m-%d %H:%M}"
    else:
        compared = load_calibration(plan.calibration).source
    return LogLook(
        files=tuple((f.path.name, f.path.stat().st_size) for f in files),
        preset=found.preset,
        columns={name: path.text for name, path in found.paths.items()},
        silent=silent_without(found.paths),
        no_tie_by=tuple(name for name in ATTRIBUTES if name not in found.paths),
        first_rows=rows,
        first_usable=usable,
        compared_with=compared,
    )
