"""From a log and its twins, or a coin log, to sets of one served answer and its twins; and what of
the design can be seen without any model.

Reads files; asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.audits.harvest.plan import HarvestPlan
from auditor.audits.harvest.records import DesignCheck, SetTally
from auditor.audits.logs.served_log import served_log
from auditor.evidence.exact import Design
from detectors.inheritance.served_or_twin import ServedSet
from fingerprints.coin import (
    COMMITMENTS,
    FORMAT,
    CoinProblem,
    commitment,
    days_of,
    entry_digest,
    problems,
    read_rows,
)
from fingerprints.errors import MalformedInput, UsageProblem, VerificationFailed, printable
from fingerprints.records import Status, canonical_json, sha256
from fingerprints.served import ServedAnswer, accounts_in, served_answer
from fingerprints.twins import Twin, read_twins

ALL = "all accounts"
MOST_NAMED = 3


@dataclass(frozen=True)
class Gathered:
    """The sets in logged order, what became of the rest, and what the design rests on."""

    design: Design
    sets: tuple[ServedSet, ...]
    m: int
    tally: SetTally
    checks: tuple[DesignCheck, ...]
    log_sha256: str
    twins_sha256: str
    created: str
    model: str


def gather(plan: HarvestPlan) -> Gathered:
    """All sets of the accounts that the plan names. Raises MalformedInput for files that are not
    what they should be and for twins of another log, VerificationFailed (exit 8) for a coin log
    that was changed after it was committed to."""
    chosen = _chosen(plan)
    if _is_coin_log(Path(plan.twins)):
        return _of_coin(plan, chosen)
    if plan.commitments is not None:
        raise UsageProblem(
            "commitments belong to a coin log, and these twins are none",
            where="--commitments",
            next_step="leave it out, or give the coin log as --twins",
        )
    if plan.log is None:
        raise UsageProblem(
            "twins are compared with what was served, and no log is given",
            where="--log",
            next_step="add --log LOG, the one that they were drawn for",
        )
    return _of_log(plan, Path(plan.log), chosen)


def groups_of(plan: HarvestPlan, sets: Sequence[ServedSet]) -> dict[str, list[int]]:
    """Which sets are tested together, by name: each named account, the cluster, or all. Within one
    a prompt counts once, wherever it came from first."""
    members: dict[str, Sequence[int]] = {}
    for account in plan.accounts:
        members[f"account {account}"] = [i for i, s in enumerate(sets) if s.account == account]
    if plan.cluster is not None:
        members[f"cluster {Path(plan.cluster).stem}"] = range(len(sets))
    members = members or {ALL: range(len(sets))}
    out: dict[str, list[int]] = {}
    for name, places in members.items():
        seen: dict[str, int] = {}
        for i in places:
            seen.setdefault(sets[i].asked, i)
        out[name] = list(seen.values())
    return out


def _chosen(plan: HarvestPlan) -> frozenset[str] | None:
    if plan.cluster is not None:
        return accounts_in(Path(plan.cluster))
    return frozenset(plan.accounts) if plan.accounts else None


def _is_coin_log(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f'"format":"{FORMAT}"'.encode() in file.readline(4096)
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}", where=path, next_step="check the path"
        ) from error


# --- a log and its twins ---


def _of_log(plan: HarvestPlan, path: Path, chosen: frozenset[str] | None) -> Gathered:
    found = read_twins(Path(plan.twins))
    header, drawn = found.header, found.sets()
    if header is None:
        raise ValueError("twins without a header are refused when they are read")
    reader = served_log(path, chosen)
    rows = list(reader.distinct())
    ids = [row.id() for row in rows]
    held = [(row, drawn[i]) for row, i in zip(rows, ids, strict=True) if i in drawn]
    foreign = len(set(drawn) - set(ids))
    if not held and drawn:
        raise MalformedInput(
            f"none of {len(drawn)} twinned answers stands in the log: twins of another log, or of"
            " other accounts",
            where=plan.twins,
            next_step="give the log and the accounts that they were drawn for",
        )
    whole = [(row, twins) for row, twins in held if len(twins) == header.m]
    usable = [(row, twins) for row, twins in whole if all(map(_usable, twins))]
    sets = [
        _set_of(row, [t.text for t in twins], [_cut(t) for t in twins]) for row, twins in usable
    ]
    tally = SetTally(
        rows_read=reader.tally.read,
        rows_unreadable=reader.tally.unreadable,
        rows_without_answer=reader.tally.without_answer,
        rows_unusable=reader.tally.unusable,
        rows_duplicate=reader.tally.duplicate,
        rows_of_others=reader.tally.other_accounts,
        rows_repeated_prompt=reader.tally.repeated_prompt,
        rows_without_twins=len(rows) - len(whole),
        rows_bad_numbers=reader.tally.bad_numbers,
        twins_without_row=0 if chosen is not None else foreign,
        sets_twin_unusable=len(whole) - len(usable),
    )
    design: Design = "public_dataset" if plan.public_dataset else header.drawn
    kept = _distinct(sets)
    return Gathered(
        design=design,
        sets=kept,
        m=header.m,
        tally=_counted(tally, sets, kept),
        checks=_settings(usable, header.served_as),
        log_sha256=header.log_sha256,
        twins_sha256=sha256(canonical_json([t.digest() for _, twins in held for t in twins])),
        created=header.created,
        model=header.served_as or header.identity.name,
    )


def _usable(twin: Twin) -> bool:
    """As a served row is: both sides must be kept by the same rule."""
    return twin.status in (Status.OK, Status.TRUNCATED) and _served_row(twin).usable


def _served_row(twin: Twin) -> ServedAnswer:
    """A twin as the row that it would be, had it been served."""
    return ServedAnswer(prompt="?", answer=twin.text, finish=twin.finish)


def _cut(twin: Twin) -> bool:
    return _served_row(twin).cut


def _settings(
    pairs: Sequence[tuple[ServedAnswer, Sequence[Twin]]], served_as: str | None
) -> tuple[DesignCheck, ...]:
    """Whether model names and sampling of served and drawn answers are the same, where the log
    tells them. Where the drawer said what the log calls the model, it must have called itself one
    name all along."""
    names = {twin.model for _, twins in pairs for twin in twins}
    one = served_as is not None and len(names) == 1
    compared: dict[str, list[tuple[object, object]]] = {
        "model": [
            (row.model, served_as if one else t.model) for row, twins in pairs for t in twins
        ],
        "temperature": [(row.temperature, t.temperature) for row, twins in pairs for t in twins],
        "top_p": [(row.top_p, t.top_p) for row, twins in pairs for t in twins],
        "max_tokens": [(row.max_tokens, t.max_tokens) for row, twins in pairs for t in twins],
    }
    return tuple(
        DesignCheck(compared=name, held=all(a is None or a == b for a, b in both))
        for name, both in compared.items()
        if any(a is not None for a, _ in both)
    )


# --- a coin log ---


def _of_coin(plan: HarvestPlan, chosen: frozenset[str] | None) -> Gathered:
    if plan.log is not None:
        raise UsageProblem(
            "a coin log holds what was served itself",
            where="--log",
            next_step="leave out --log",
        )
    if plan.commitments is None:
        raise UsageProblem(
            "a coin log is evidence by what was given away of it when it was written",
            where="--commitments",
            next_step="add --commitments FILE (`auditor twins commit` writes it)",
        )
    entries = coin_entries(Path(plan.twins))
    verify(entries, commitments_in(Path(plan.commitments)), plan.twins)
    told: dict[str, int] = dict.fromkeys(("read", "unreadable", "others", "unusable"), 0)
    sets: list[ServedSet] = []
    models: set[str] = set()
    for entry in entries:
        told["read"] += 1
        row = _coin_row(entry)
        if row is None:
            told["unreadable"] += 1
        elif chosen is not None and row.account not in chosen:
            told["others"] += 1
        else:
            made = _coin_set(row, entry)
            told["unusable"] += made is None
            sets += [] if made is None else [made]
            models.add(row.model or "")
    kept = _distinct(sets)
    tally = SetTally(
        rows_read=told["read"],
        rows_unreadable=told["unreadable"],
        rows_of_others=told["others"],
        sets_twin_unusable=told["unusable"],
    )
    digests = [entry_digest(e) for e in entries]
    return Gathered(
        design="public_dataset" if plan.public_dataset else "coin",
        sets=kept,
        m=len(kept[0].answers) - 1 if kept else 0,
        tally=_counted(tally, sets, kept),
        checks=(),
        log_sha256=sha256("\n".join(digests)),
        twins_sha256=sha256(
            canonical_json([commitment(day, held) for day, held in days_of(entries).items()])
        ),
        created="",
        model=", ".join(sorted(filter(None, models))[:MOST_NAMED]),
    )


def coin_entries(path: Path) -> list[dict[str, Any]]:
    """The entries of a coin log. Raises MalformedInput for a file that is none."""
    try:
        entries = list(read_rows(path, FORMAT))
        widths = {len(e["candidates"]) for e in entries if entry_digest(e)}
        if len(widths) > 1:
            raise CoinProblem("entries have different numbers of candidates")
        return entries
    except (CoinProblem, OSError, UnicodeDecodeError) as error:
        raise MalformedInput(
            f"not a coin log: {printable(str(error), 160)}",
            where=path,
            next_step="use the untouched log of the service",
        ) from error


def commitments_in(path: Path) -> list[dict[str, Any]]:
    """The commitments of a file. Raises MalformedInput for a file that holds none."""
    try:
        given = list(read_rows(path, COMMITMENTS))
        if not all(isinstance(c.get("day"), str) for c in given):
            raise CoinProblem("a commitment names no day")
        return given
    except (CoinProblem, OSError, UnicodeDecodeError) as error:
        raise MalformedInput(
            f"no commitments: {printable(str(error), 160)}",
            where=path,
            next_step="use what was given away, a commitment a line",
        ) from error


def verify(
    entries: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]], where: object
) -> None:
    """Raises VerificationFailed where a coin log and its commitments differ, and names the first
    days."""
    found = problems(entries, given)
    if found:
        told = "; ".join(f"{day or 'no day'}: {why}" for day, why in found[:MOST_NAMED])
        raise VerificationFailed(
            f"the coin log is not what was committed to: {len(found)} days differ,"
            f" {printable(told, 200)}",
            where=where,
            next_step="use the untouched log, and all commitments",
        )


def _coin_row(entry: dict[str, Any]) -> ServedAnswer | None:
    """The request of an entry as a row; what was answered does not decide whether it is one."""
    asked = entry["asked"] if isinstance(entry["asked"], dict) else {}
    told = {name: entry[name] for name in ("time", "account", "prompt")}
    try:
        row, _ = served_answer({**asked, **told, "request_id": entry["id"], "answer": "?"})
    except ValueError:
        return None
    return row if row.usable else None


def _coin_set(row: ServedAnswer, entry: dict[str, Any]) -> ServedSet | None:
    """The set of an entry, None where any candidate is not whole: a rule that knows no coin."""
    candidates = [c if isinstance(c, dict) else {} for c in entry["candidates"]]
    rows = [
        row.model_copy(
            update={"answer": str(c.get("text") or ""), "finish": str(c.get("finish") or "")}
        )
        for c in candidates
    ]
    if not all(r.usable for r in rows):
        return None
    index = int(entry["index"])
    served, twins = rows[index], rows[:index] + rows[index + 1 :]
    # Each request had a coin of its own: a prompt that came again is a unit of its own.
    made = _set_of(served, [t.answer for t in twins], [t.cut for t in twins])
    return replace(made, asked=str(entry["id"]))


# --- both ---


def _set_of(row: ServedAnswer, twins: Sequence[str], cut: Sequence[bool]) -> ServedSet:
    return ServedSet(
        id=row.id(),
        account=row.account,
        asked=row.asked(),
        probe=row.probe(),
        answers=(row.answer.strip(), *(t.strip() for t in twins)),
        # A log that doesn't tell how answers ended says nothing of the twins' endings either.
        cut=(row.cut, *cut) if row.finish else (False,) * (1 + len(cut)),
    )


def _distinct(sets: Sequence[ServedSet]) -> tuple[ServedSet, ...]:
    return tuple(s for s in sets if s.distinct)


def _counted(tally: SetTally, sets: Sequence[ServedSet], kept: Sequence[ServedSet]) -> SetTally:
    return tally.model_copy(
        update={
            "sets_not_distinct": len(sets) - len(kept),
            "sets_served_again": sum(s.served_again for s in sets),
            "sets_used": len(kept),
        }
    )
