"""A scan arranged as a document: the answer first, then when, who, why, what ties them, and what is
not said.

Knows the record; computes no figure and knows no format.
"""

from __future__ import annotations

from auditor.audits.logs.records import LogRead, LogScan, RowCounts, UnitFound
from auditor.audits.logs.unit_card import MOST_ROWS, TITLES, card
from auditor.reporting.charts import CurveChart
from auditor.reporting.document import (
    Block,
    Bullets,
    Definitions,
    Document,
    GridTable,
    Group,
    Paragraph,
    Section,
    Words,
    code,
    grid,
    name,
)
from auditor.reporting.text import number
from detectors.extraction.signals import LEAST_ROWS, SIGNALS

MOST_CARDS = 20
LIMITS: tuple[str, ...] = (
    "Ordinary large users look alike: evaluations, batch jobs, agents, translation and retrieval"
    " services send bulk programmatic traffic, too. Ask the account before anything else.",
    "p-values say how rare such traffic is among the benign traffic that it was compared with."
    " Where that is of another kind, time or product, they say little.",
    "An account that sends little, spreads its work over accounts without a shared payment, key,"
    " network, client or schedule, and mixes it with ordinary use is not seen.",
    "Accounts are tied by what they share beyond chance. Colleagues on one payment are tied, too: a"
    " tie is no accusation.",
    "Templates, cues and topics are read by simple means from the words of prompts; a paraphrased"
    " template is several.",
)


def scan_document(found: LogScan) -> Document:
    """The whole scan; the same record gives the same document."""
    log = found.log
    return Document(
        kicker="Scan of an API's log",
        title=_headline(found),
        subject=_headline(found),
        meta=(
            ("Requests", number(log.rows.usable)),
            ("Accounts", number(log.n_accounts)),
            ("From", f"{found.judged_from} UTC"),
            ("Until", f"{found.judged_until} UTC"),
            ("Compared with", _compared(found)),
        ),
        about=(Paragraph(_answer(found), "about"),),
        preface=(Paragraph(found.caution, "notice"), *_warnings(found)),
        sections=(
            _units(found),
            *_families(found),
            _timeline(found),
            *_cards(found),
            _rows(found),
            _method(found),
            Section("limits", "What this does not say", (Bullets(LIMITS),)),
        ),
        record=lambda: found.model_dump(mode="json"),
        note="scan.json is the record; accounts.jsonl names every account of these units.",
    )


def _headline(found: LogScan) -> str:
    if found.n_found_units:
        return f"Bulk programmatic generation: {_units_of(found.n_found_units)} found"
    if found.n_noticed_units:
        return f"No bulk generation found; {_units_of(found.n_noticed_units)} noticed"
    if found.calibration.floor > found.noticed_at:
        return "Too little benign traffic to tell anything"
    return "No bulk generation stands out"


def _units_of(n: int) -> str:
    return f"{n} account or cluster" if n == 1 else f"{n} accounts or clusters"


def _compared(found: LogScan) -> Words:
    made = " (simulated)" if found.calibration.simulated else ""
    return (name(found.calibration.source), f"{made}, {number(found.calibration.n_units)} units")


def _answer(found: LogScan) -> str:
    judged = number(found.n_judged_accounts)
    if found.n_found_units:
        told = (
            f"{number(found.n_found_accounts)} of {judged} judged accounts, in"
            f" {_units_of(found.n_found_units)}, send bulk programmatic generation, unlike the"
            " benign traffic. Of accounts told so at most"
            f" {100 * found.level:g} % are false finds on average."
        )
    else:
        told = f"Of {judged} judged accounts none is told as bulk programmatic generation."
    if found.n_noticed_units:
        chance = found.noticed_at * found.n_judged_units
        expected = number(round(chance) if chance >= 10 else chance)
        told += (
            f" {_units_of(found.n_noticed_units).capitalize()} more"
            f" {'is' if found.n_noticed_units == 1 else 'are'} noticed at p ≤ {found.noticed_at:g},"
            f" where about {expected} of {number(found.n_judged_units)} would be by chance."
        )
    return told


def _warnings(found: LogScan) -> tuple[Block, ...]:
    told: list[str] = []
    used, needed = found.calibration, found.level / max(1, found.n_judged_accounts)
    if used.simulated:
        told.append(
            "Compared with simulated traffic: p-values hold for the simulation, not for your users."
            " Give benign traffic of your own with --benign or --benign-until."
        )
    smallest = f"With {number(used.n_units)} benign units the smallest p is {used.floor:.2g}."
    if used.floor > found.noticed_at:
        told.append(
            f"{smallest} Units are told from {found.noticed_at:g} on, so that nothing can be found"
            " or noticed here. Give more benign traffic."
        )
    elif used.floor > needed:
        told.append(
            f"{smallest} Were one account alone to stand out among"
            f" {number(found.n_judged_accounts)}, it could be noticed, not found: that takes"
            f" {needed:.2g}."
        )
    lost = found.log.rows.without_account / max(1, found.log.rows.read)
    if lost > 0.01:
        told.append(f"{100 * lost:.1f} % of the rows name no account and are not judged.")
    return tuple(Paragraph(text, "notice") for text in told)


def _units(found: LogScan) -> Section:
    if not found.units:
        told = "Nothing stands out. That clears nobody: see what this does not say."
        return Section("units", "Who stands out", (Paragraph(told),))
    rows = tuple(
        (
            name(u.id),
            u.status,
            u.family,
            number(u.n_accounts),
            number(u.n_requests),
            f"{u.p_value:.2g}",
            _loudest(u),
        )
        for u in found.units[:MOST_ROWS]
    )
    columns = ("unit", "status", "family", "accounts", "requests", "p", "what stands out")
    table = GridTable("Who stands out", columns, rows, frozenset({3, 4, 5}), look="quiet")
    rest = found.n_found_units + found.n_noticed_units - len(found.units)
    more = (Paragraph(f"{rest} more are in accounts.jsonl.", "caption"),) if rest > 0 else ()
    about = (
        "A unit is an account, or accounts that are tied beyond chance. Found: the share of false"
        " finds is bounded over all accounts. Noticed: rare by itself, and nothing more."
    )
    return Section("units", "Who stands out", (Paragraph(about, "lead"), table, *more))


def _families(found: LogScan) -> tuple[Section, ...]:
    if not found.families:
        return ()
    rows = tuple(
        (
            name(f.id),
            number(f.n_units),
            number(f.n_accounts),
            number(f.n_requests),
            tuple(part for words in f.templates for part in (code(words), " ")),
        )
        for f in found.families[:MOST_ROWS]
    )
    columns = ("family", "units", "accounts", "requests", "templates")
    table = GridTable("Families", columns, rows, frozenset({1, 2, 3}), look="quiet")
    about = (
        "Units that use the same templates. That is likeness: nothing ties them, and a template may"
        " be a tool's."
    )
    return (Section("families", "Who uses the same templates", (Paragraph(about, "lead"), table)),)


def _loudest(unit: UnitFound) -> str:
    loud = sorted((s for s in unit.signals if s.above >= 1), key=lambda s: -s.above)[:3]
    return ", ".join(TITLES[s.signal] for s in loud) or "several, a little"


def _timeline(found: LogScan) -> Section:
    days = [day for day, _ in found.daily]
    own = dict(found.daily_found)
    lines = [("all requests", tuple(float(n) for _, n in found.daily))]
    if own:
        lines.append(("units found", tuple(float(own.get(day, 0)) for day in days)))
    chart = CurveChart(
        "Requests a day",
        "Of the whole log, and of the units that were found.",
        f"days from {days[0]} on" if days else "days",
        tuple(float(i) for i in range(len(days))),
        tuple(lines),
    )
    shown: Block = chart if len(days) > 1 else Paragraph("The log is of one day.", "caption")
    return Section("timeline", "When", (shown,), "full")


def _cards(found: LogScan) -> tuple[Section, ...]:
    if not found.units:
        return ()
    cards = tuple(card(unit, found) for unit in found.units[:MOST_CARDS])
    return (Section("evidence", "What stands out, unit by unit", cards, "full"),)


def _rows(found: LogScan) -> Section:
    blocks: list[Block] = [_counts("Rows of the log", found.log)]
    if found.benign is not None:
        blocks.append(_counts("Rows of the benign log", found.benign))
    return Section("rows", "What was read", tuple(blocks), "full")


def _counts(title: str, log: LogRead) -> Block:
    rows = [(label, number(n)) for label, n in _told(log.rows) if n or label == "usable"]
    rows.append(("all rows", number(log.rows.read)))
    table = grid(title, ("rows", "number"), rows, (1,))
    cut = tuple(
        Paragraph(("Ends in the middle, read as far as it goes: ", name(path)), "caption")
        for path in log.rows.cut_files
    )
    told = Definitions(tuple((column, name(path)) for column, path in log.columns.items()), "pairs")
    mapped = Group((told,), "Columns", "folded", folded=True)
    return Group((table, *cut, mapped), title)


def _told(rows: RowCounts) -> tuple[tuple[str, int], ...]:
    return (
        ("usable", rows.usable),
        ("unreadable", rows.unreadable),
        ("without a time", rows.without_time),
        ("with a clock that can't be right", rows.bad_clock),
        ("without an account", rows.without_account),
        ("without a prompt", rows.without_prompt),
        ("failed requests", rows.failed_request),
        ("repeated rows", rows.duplicate),
        ("usable, with a count that is no number", rows.bad_numbers),
    )


def _method(found: LogScan) -> Section:
    used = found.calibration
    hours = used.window_seconds / 3600
    weights = ", ".join(
        f"{TITLES[n]} {w:.2f}" for n, w in sorted(used.weights.items(), key=lambda x: -x[1]) if w
    )
    tied = f"{number(found.n_tied_accounts)} accounts tied to another"
    rows: tuple[tuple[Words, Words], ...] = (
        ("Compared with", _compared(found)),
        ("Windows", f"{hours:g} hours; a unit needs {LEAST_ROWS} requests in one"),
        ("Scale", f"of {number(used.n_fitted)} other benign units"),
        ("Smallest p", f"{used.floor:.2g}"),
        (
            "False finds",
            f"at most {100 * found.level:g} % of accounts told, on average (Benjamini-Hochberg)",
        ),
        ("Ties", f"{number(found.n_groups_tested)} groups tested, {tied}"),
        ("Largest weights, a unit above benign traffic", weights),
        ("Not used", ", ".join(TITLES[n] for n in used.absent) or "–"),
        ("Made by", found.tool),
    )
    signals = Definitions(tuple((s.title, s.about) for s in SIGNALS), "pairs")
    meant = Group((signals,), "What each signal says", "folded", folded=True)
    return Section("method", "How", (Definitions(rows), meant), "full")
