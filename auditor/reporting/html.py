"""The report as one HTML file: no script, no network, no stranger's markup; it prints.

Autoescaping, strict undefined names, and every text that the template prints passes through
`visible` (hidden and reordering characters are spelled out) unless it is our own style sheet. A
Content-Security-Policy allows that style sheet by its hash and nothing else. The same report gives
the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auditor.evidence.records import Report
from auditor.reporting import groups, labels, view, weights, wording
from auditor.reporting.figures import figure, shade
from auditor.reporting.text import (
    cell,
    date,
    interval,
    number,
    one_line,
    percent,
    probability,
    quote,
    signed,
    visible,
)
from detectors.measurement import Cell

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
LONG_TABLE = 12
LONG_WORD = 32
SHORT_LABEL, BRIEF_LABEL = 34, 26
MOST_EXHIBITS = 24
MOST_LISTED = 10
MOST_ROWS = 400


def render(report: Report) -> str:
    """The whole page as text."""
    return (
        environment()
        .get_template("report.html")
        .render(
            **styled("style.css"),
            report=report,
            cards=view.cards(report),
            warnings=view.warnings(report),
            detectors=view.detectors(report),
            summary=view.summary(report),
            compared=view.compared(report),
            unmeasured=groups.unmeasured(report.skipped),
            weight_chart=weights.chart(report),
            rate_columns=weights.COLUMNS,
            rate_rows=[] if report.calibration is None else weights.rates(report.calibration),
            rates_about=weights.ABOUT,
            sequential_columns=weights.SEQUENTIAL_COLUMNS,
            sequential_rows=[]
            if "sequential" not in report.sections
            else weights.sequential_rows(report.sections["sequential"]),
            sequential_told=""
            if "sequential" not in report.sections
            else weights.sequential_told(report.sections["sequential"]),
            service_rows=view.service_rows(report),
            lineage_rows=view.lineage_rows(report),
            alone=view.alone(report),
            identity_rows=view.identity(report.subject.identity),
            base_rows=view.base_rows(report),
            score_rows=view.score_rows(report),
            transcript_rows=view.transcript_rows(report),
            plan_text=plan_text(report),
            wording=wording,
            next_number=count(1).__next__,
        )
    )


def styled(*names: str) -> dict[str, Any]:
    """Our own style sheets as one, and the hash by which a page's policy allows them: ``style``
    and ``style_sha256``."""
    folder = files("auditor.reporting")
    style = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return {"style": Markup(style), "style_sha256": digest}  # noqa: S704  (our own files)


def plan_text(report: Report) -> str:
    """The plan as YAML, keys sorted as in report.json, so that a report read back gives the same
    page."""
    plan: dict[str, Any] = report.model_dump(mode="json")["plan"]
    return (
        yaml.safe_dump(plan, sort_keys=True, allow_unicode=True, width=100) if plan else "(empty)\n"
    )


@cache
def environment() -> Environment:
    """The templates' environment, with autoescaping, strict names and the filters that every
    page shares."""
    environment = Environment(
        loader=PackageLoader("auditor", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": _typeset(number),
        "probability": _typeset(probability),
        "signed": _typeset(signed),
        "interval": _typeset(interval),
        "signed_interval": lambda bounds: _minus(interval(bounds, sign=True)),
        "percent": percent,
        "cell": _cell,
        "minus": _minus,
        "is_number": lambda value: isinstance(value, int | float),
        "is_shown": lambda value: isinstance(value, labels.Shown),
        "is_long": lambda value: (
            isinstance(value, str) and max(map(len, value.split()), default=0) > LONG_WORD
        ),
        "is_digest": lambda value: bool(re.fullmatch(r"[0-9a-f]{64}", value)),
        "language": lambda code: code if LANGUAGE.fullmatch(code) else "",
        "name": lambda text: one_line(text, 160),
        "label": lambda text: one_line(text, SHORT_LABEL),
        "brief": lambda text: one_line(text, BRIEF_LABEL),
        "names": lambda text: one_line(text, 640),
        "words": lambda text: text.replace("_", " "),
        "sentence": lambda text: text[:1].upper() + text[1:],
        "date": date,
        "arm": lambda arm: labels.arm(arm.value),
        "figure": lambda chart: figure(labels.chart(chart)),
        "shade": shade,
        "share": lambda value: _minus(f"{value:.2f}"),
        "labelled": labels.table,
        "numeric": labels.numeric,
        "decimals": labels.decimals,
        "quote": quote,
        "identity": view.identity,
        "reasons": lambda verdicts: groups.reasons(verdicts, brief=True),
        "unanimous": groups.unanimous,
    }
    environment.tests |= {"uncalibrated": view.uncalibrated}
    environment.globals |= {
        "LONG_TABLE": LONG_TABLE,
        "MOST_EXHIBITS": MOST_EXHIBITS,
        "MOST_ROWS": MOST_ROWS,
        "MOST_LISTED": MOST_LISTED,
    }
    return environment


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cell(value: Cell, decimals: int | None) -> str:
    return (
        value
        if isinstance(value, str) and not isinstance(value, labels.Shown)
        else _minus(cell(value, decimals))
    )


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def _typeset(format_number: Any) -> Any:
    return lambda value: _minus(format_number(value))
