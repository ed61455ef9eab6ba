"""A document as one HTML file: no script, no network, no stranger's markup; it prints.

Autoescaping, strict undefined names, and every text that the template prints passes through
`visible` (hidden and reordering characters are spelled out) unless it is our own style sheet. A
Content-Security-Policy allows that style sheet by its hash and nothing else. The same document
gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from auditor.reporting import mosaics, plots, trees
from auditor.reporting.charts import (
    Course,
    CurveChart,
    Dumbbells,
    MatrixChart,
    Mosaic,
    Panels,
    TiesChart,
    TreeChart,
)
from auditor.reporting.document import (
    Document,
    Role,
    Stretch,
    Words,
    in_reading,
    plain,
    runs,
    sections,
)
from auditor.reporting.figures import figure, ladder, shade
from auditor.reporting.labels import arm
from auditor.reporting.text import QUOTE_LIMIT, number, one_line, quote, visible

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
DIGEST = re.compile(r"[0-9a-f]{64}")
SHEETS = ("style.css", "plots.css", "compare.css", "gallery.css")
LONG_TABLE, MOST_ROWS, MOST_EXHIBITS = 12, 400, 24
SHORT, LONG_WORD, WIDE = 24, 32, 80
NAME, SHORT_LABEL, BRIEF_LABEL = 640, 34, 26
DRAWING_WIDTH = 960
FRAMES: dict[Role, Markup] = {
    "plain": Markup("{}"),
    "strong": Markup("<b>{}</b>"),
    "aside": Markup('<span class="sub">{}</span>'),
    "line": Markup('<span class="line{1}">{0}</span>'),
    "name": Markup("<bdi>{}</bdi>"),
    "code": Markup("<code>{}</code>"),
    "badge": Markup('<span class="badge{1}">{0}</span>'),
    "kicker": Markup('<span class="kicker">{}</span> '),
    "tag": Markup('<span class="tag">{}</span>'),
}
"""The element of each role: what is put in is escaped by Markup."""
DRAWN: dict[type, Callable[[Any], Any]] = {
    Course: plots.line,
    CurveChart: plots.curves,
    Dumbbells: plots.dumbbells,
    Panels: plots.panels,
    TreeChart: trees.draw_tree,
    MatrixChart: trees.draw_matrix,
    TiesChart: trees.draw_ties,
    Mosaic: mosaics.draw_mosaic,
}
"""The geometry of each kind of chart."""


def render(
    document: Document,
    trail: Sequence[tuple[str, str]] = (),
    links: Mapping[str, str] | None = None,
    limit: int = QUOTE_LIMIT,
) -> str:
    """The whole page as text.

    A page that is served has a ``trail`` (addresses of ours and what they are called), and its
    sections' titles may lead to other pages (``links``, by anchor). Quotations are cut to ``limit``
    characters.
    """
    return (
        environment()
        .get_template("document.html")
        .render(
            **styled(),
            document=document,
            sections=sections(document, "full"),
            trail=trail,
            links=links or {},
            limit=limit,
            next_number=count(1).__next__,
        )
    )


def drawing(chart: TreeChart | MatrixChart, title: str) -> str:
    """A tree or a matrix alone, as an SVG file's text."""
    height = DRAWN[type(chart)](chart).height + (24 if isinstance(chart, TreeChart) else 48)
    template = environment().get_template("drawing.svg.html")
    return template.render(
        chart=chart, style=styled()["style"], width=DRAWING_WIDTH, height=height, title=title
    ).lstrip()


@cache
def styled(*more: str) -> dict[str, Any]:
    """Our own style sheets as one, with those that one kind of page has besides, and the hash by
    which a page's policy allows them: ``style`` and ``style_sha256``."""
    folder, sheets = files("auditor.reporting"), (*SHEETS, *more)
    style = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in sheets)
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return {"style": Markup(style), "style_sha256": digest}  # noqa: S704  (our own files)


@cache
def environment() -> Environment:
    """The templates' environment, with autoescaping, strict names and the filters of a page."""
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
        "number": number,
        "minus": _minus,
        "kind": lambda block: type(block).__name__,
        "blocks": lambda blocks: list(in_reading(blocks, "full")),
        "runs": runs,
        "words": _words,
        "plain": plain,
        "is_long": lambda text: max(map(len, text.split()), default=0) > LONG_WORD,
        "is_digest": lambda words: bool(DIGEST.fullmatch(plain(words))),
        "language": lambda code: code if LANGUAGE.fullmatch(code) else "",
        "name": lambda text: one_line(text, NAME),
        "label": lambda text: one_line(text, SHORT_LABEL),
        "brief": lambda text: one_line(text, BRIEF_LABEL),
        "sentence": lambda text: text[:1].upper() + text[1:],
        "arm": lambda arm_of: arm(arm_of.value),
        "figure": figure,
        "ladder": ladder,
        "shade": shade,
        "quote": quote,
        "drawn": lambda chart: DRAWN[type(chart)](chart),
        "stack": plots.stack,
        "before_and_after": plots.before_and_after,
        "change_of": plots.change_of,
    }
    environment.globals |= {
        "LONG_TABLE": LONG_TABLE,
        "MOST_ROWS": MOST_ROWS,
        "MOST_EXHIBITS": MOST_EXHIBITS,
        "WIDE": WIDE,
        "SHORT": SHORT,
    }
    return environment


def _words(words: Words) -> Markup:
    """Words as element text, each run in the element of its role."""
    return Markup("").join(map(_run, runs(words)))


def _run(run: Stretch) -> Markup:
    long = run.role in ("name", "code")
    text = visible(one_line(run.text, NAME) if long else _minus(run.text))
    if run.role == "plain" and not run.target:
        return escape(text)
    told = FRAMES[run.role].format(text, _tone(run))
    return Markup('<a href="#{}">{}</a>').format(run.target, told) if run.target else told


def _tone(run: Stretch) -> str:
    return f" {run.tone.replace('_', '-')}" if run.tone else ""


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)
