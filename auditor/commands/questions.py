"""`auditor questions`: a sheet for products that can be chatted with and not called."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.options import AS_JSON, PROBES
from auditor.console import put_json, say
from fingerprints.durable import replacing
from fingerprints.probes import parse_probes
from fingerprints.records import Arm
from fingerprints.sheets.forms import FORMS, Form, written
from fingerprints.sheets.sheet import LONGEST_NAME, QuestionSheet, sheet_of
from fingerprints.subjects import open_subject

DEFAULT = "identity,style:40"
BOM = "\ufeff"


@click.command()
@PROBES
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help=(
        "A page that saves to a file, a table for a spreadsheet, or a plain text. Default: as --out"
        " ends, else html."
    ),
)
@click.option("--name", metavar="NAME", default="", help="What the product is called.")
@click.option(
    "--samples",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="How many times each question is to be asked.",
)
@click.option("--out", metavar="FILE", help="The sheet. Default: stdout.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--check", metavar="FILE", help="Count what of a filled sheet is answered, and stop.")
@AS_JSON
def questions(
    probes: str | None,
    form: Form | None,
    name: str,
    samples: int,
    out: str | None,
    force: bool,
    check: str | None,
    as_json: bool,
) -> int:
    """Print a sheet of questions that a person puts to a chat product by hand.

    Every question goes into a new chat of its own; `auditor audit SHEET` reads the filled sheet
    back. What is left blank is counted, and never read as an empty answer. A sheet of another
    version of a probe set is refused.

    \b
    Examples:
      auditor questions --name "Acme Chat" --out acme.html
      auditor questions --probes identity,style:40 --format csv --out acme.csv
      auditor questions --check Acme-Chat.sheet.json
      auditor audit Acme-Chat.sheet.json --vendor acme
    """
    if check is not None:
        return _check(check, as_json)
    sets = [choice.load() for choice in parse_probes(probes or DEFAULT)]
    sheet = sheet_of(sets, samples, " ".join(name.split())[:LONGEST_NAME])
    if out is not None:
        _write(Path(out), _text(sheet, form or _form_of(out)), force)
    if as_json:
        listed = [{"number": q.number, "key": q.key, "question": q.text} for q in sheet.questions]
        put_json({"sheet": sheet.code, "name": sheet.name, "questions": listed})
    elif out is None:
        click.echo(_text(sheet, form or "html"), nl=False)
    arms = {arm for probe_set in sets for arm in probe_set.arms} - {Arm.OWN}
    apart = "; all under the product's own system prompt, which can't be changed" if arms else ""
    say(f"{len(sheet.questions)} questions{apart}")
    return 0


def _form_of(out: str) -> Form:
    suffix = Path(out).suffix.casefold()
    return next((form for form in FORMS if suffix == f".{form}"), "html")


def _text(sheet: QuestionSheet, form: Form) -> str:
    # Excel takes a table for UTF-8 only where it begins with the mark.
    return f"{BOM if form == 'csv' else ''}{written(sheet, form)}"


def _write(out: Path, text: str, force: bool) -> None:
    if out.exists() and not force:
        raise click.UsageError(f"{out} is there already: it may be filled in (--force)")
    with replacing(out) as file:
        file.write(text.encode("utf-8"))
    say(f"written: {out}")


def _check(file: str, as_json: bool) -> int:
    with open_subject(f"sheet:{file}") as subject:
        held = subject.recorded()
    counts = held.counts()
    blank = [event.detail for event in held.events]
    if as_json:
        put_json({"name": held.identity.name, "counts": counts, "events": blank})
        return 0
    answered, nothing = counts.get("ok", 0), counts.get("empty", 0)
    click.echo(f"{held.identity.name}: {answered} answered, {nothing} without an answer")
    for told in blank:
        click.echo(told)
    return 0
