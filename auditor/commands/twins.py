"""`auditor twins`: other answers that could as well have been served: drawn beside a log, or kept
by a coin when serving."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import estimate
from auditor.audits.harvest.gathering import coin_entries, commitments_in, verify
from auditor.audits.logs.served_log import served_log
from auditor.commands.options import AS_JSON, dry_run, place_options, placed
from auditor.console import progress_on, put, put_json, say
from fingerprints.coin import COMMITMENTS, canonical, commitment, days_of
from fingerprints.collect import timestamp
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.records import ProbeSet, Sampling
from fingerprints.served import LogTally, ServedAnswer, accounts_in
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from fingerprints.twins import Drawn, TwinSampling, draw_twins

AT_SERVING = timedelta(hours=24)
"""Twins that are drawn within a day of the served answers count as drawn when they were served."""
LIBRARY, EXAMPLE = "coin.py", "example_app.py"
EXAMPLE_APP = '''\
"""Coin serving in front of your app: uvicorn example_app:app (or any other ASGI server)."""

from coin import CoinLog, CoinServing

from your_service import app as behind  # your ASGI app with POST /v1/chat/completions

# The log holds answers and salts: keep it where only you can read it. m = 3 twins of each answer.
app = CoinServing(behind, CoinLog("coin.jsonl", m=3))

# Every night, and give the printed line to somebody else on the same day:
#   auditor twins commit coin.jsonl --out commitments.jsonl
'''


@click.group()
def twins() -> None:
    """Other answers that could as well have been served: what `auditor harvest` compares with.

    Two ways. Draw them of the same model for answers that were served (draw). Or let a logged coin
    choose, when serving, which of several candidates goes out (coin, commit, verify): then the
    evidence is exact whatever changes later.
    """


@twins.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--teacher", metavar="SPEC", required=True, help="The model that served.")
@click.option("--out", metavar="FILE", required=True, help="Where twins go; resumed if it stands.")
@click.option("--m", type=click.IntRange(1, 63), default=3, show_default=True, help="Twins each.")
@click.option("--account", "accounts", metavar="NAME", multiple=True, help="Of this account.")
@click.option("--cluster", metavar="FILE", help="Of the accounts in a file, as a scan lists them.")
@click.option("--most", type=click.IntRange(1), help="Of the first so many prompts. Default: all.")
@click.option("--temperature", type=click.FloatRange(0, 5), help="Where the log does not say.")
@click.option("--top-p", type=click.FloatRange(0.01, 1), help="Where the log does not say: 1.")
@click.option("--max-tokens", type=click.IntRange(1, 32768), help="Where the log does not say.")
@click.option("--model", metavar="NAME", help="Of answers by the model that the log calls so.")
@click.option("--served-as", metavar="NAME", help="What the log calls it, if it calls itself else.")
@click.option("--sealed", is_flag=True, help="State that these are drawn as answers are served.")
@click.option("--public-dataset", is_flag=True, help="The log is a data set that somebody chose.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of sampling.")
@place_options
@dry_run("Print what it costs; ask nothing.")
@AS_JSON
def draw(
    log: Path,
    teacher: str,
    out: str,
    accounts: tuple[str, ...],
    cluster: str | None,
    model: str | None,
    most: int | None,
    sealed: bool,
    public_dataset: bool,
    device: str | None,
    dtype: str | None,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Draw M other answers of TEACHER to every prompt of LOG, sampled as the log says.

    LOG is a file, a folder or a pattern: JSONL, CSV (.gz, too), Parquet or what zstd packed (these
    two with the extra `logs`). Its columns are canonical: account, prompt, answer, and of sampling
    temperature, top_p, max_tokens, which flags can say where the log does not; `auditor logs
    select` brings other columns to these. The first answer to every prompt of an account is
    twinned. Anything that differs from how answers were served makes
    innocent models look taught; `auditor harvest` refuses what it can see.

    \b
    Examples:
      auditor twins draw log.jsonl --teacher hf:./teacher --out twins.jsonl
      auditor twins draw log.jsonl.gz --teacher openai:NAME,base_url=https://host/v1,cost=20 \\
          --cluster cluster-1.txt --temperature 0.7 --max-tokens 512 --out twins.jsonl --dry-run
      auditor twins draw 'served/*.parquet' --teacher hf:./teacher --out twins.jsonl
      auditor twins draw today.jsonl --teacher hf:./teacher --sealed --out sealed/today.jsonl

    Killed anywhere, the same command goes on.
    """
    if accounts and cluster:
        raise UsageProblem("accounts are named one by one or by a file", where="--cluster")
    if sealed and public_dataset:
        raise UsageProblem("a data set is not drawn as it is served", where="--sealed")
    chosen = accounts_in(Path(cluster)) if cluster else frozenset(accounts) or None
    reader = served_log(log, chosen)
    told = (row for row in reader.distinct() if model is None or row.model == model)
    rows = list(islice(told, most))
    if not rows:
        raise MalformedInput(
            f"no served answer to draw twins of ({_left_out(reader.tally)})",
            where=log,
            next_step="check the columns and the names of accounts",
        )
    _refuse_several_models(rows, log)
    asking = TwinSampling(**asked)
    for row in rows:
        asking.requests(row)
    if sealed:
        _refuse_old(rows)
    spec = placed(teacher, device, dtype)
    if dry_run:
        return _cost(spec, rows, asking, reader.tally, as_json)
    design: Drawn = "public_dataset" if public_dataset else "sealed" if sealed else "regenerated"
    with progress_on("opening") as progress, open_subject(spec) as subject:
        header = draw_twins(
            subject, rows, asking, design, Path(out), progress.step("drawing twins")
        )
    say(f"written: {out} ({_left_out(reader.tally)})")
    if as_json:
        put_json({"twins": out, "prompts": len(rows), **header.model_dump(mode="json")})
    else:
        put(f"{len(rows):,} prompts, {asking.m} twins each, {design}: {out}")
    return 0


@twins.command()
@click.option("--out", metavar="DIR", default="coin", show_default=True, help="Folder to fill.")
def coin(out: str) -> int:
    """Write the library for serving by a coin: one file without dependencies, and an example.

    coin.py holds a log (CoinLog) and an ASGI middleware (CoinServing) that asks your app m + 1
    times, serves one answer by the coin, and keeps all. Give a commitment away every day
    (`auditor twins commit`); without them a log could have been written afterwards. The test of a
    suspect is `auditor harvest`. `auditor plant coin` is this command, too.

    \b
    Examples:
      auditor twins coin --out service/
      auditor twins commit coin.jsonl --out commitments.jsonl
      auditor harvest ./suspect --twins coin.jsonl --commitments commitments.jsonl
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        LIBRARY: resources.files("fingerprints").joinpath(LIBRARY).read_text("utf-8"),
        EXAMPLE: EXAMPLE_APP,
    }
    standing = [name for name in texts if (folder / name).exists()]
    if standing:
        raise MalformedInput(
            f"{standing[0]} stands there already",
            where=folder,
            next_step="choose another folder, or move it away",
        )
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text.encode("utf-8"))
        put(str(folder / name))
    return 0


@twins.command()
@click.argument("coin_log", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE", required=True, help="Where commitments go, a day a line.")
@click.option("--today", is_flag=True, help="Also of today, which is not over: later rows void it.")
@AS_JSON
def commit(coin_log: Path, out: str, today: bool, as_json: bool) -> int:
    """Make a commitment to every day of COIN_LOG that has none yet, and print it.

    A commitment is a date, a count and a SHA-256: give it to somebody else on the same day, as a
    time stamp, a signed mail or a newspaper. It tells nothing of what was asked or answered.

    \b
    Example:
      auditor twins commit coin.jsonl --out commitments.jsonl
    """
    days = days_of(coin_entries(coin_log))
    path = Path(out)
    held = commitments_in(path) if path.exists() else []
    known = {c["day"] for c in held}
    new = [d for d in days if d not in known and (today or d < timestamp()[:10])]
    made = [commitment(day, days[day]) for day in new]
    with replacing(path) as file:
        file.write(b"".join(canonical(c) + b"\n" for c in [*held, *made]))
    if as_json:
        put_json({"format": COMMITMENTS, "made": made})
    else:
        for c in made:
            put(f"{c['day']} {c['n']} {c['sha256']}")
    say(f"{len(made)} new of {len(days)} days, in {out}")
    return 0


@twins.command(name="verify")
@click.argument("coin_log", type=click.Path(path_type=Path))
@click.option(
    "--commitments", metavar="FILE", required=True, help="What was given away, a day a line."
)
@AS_JSON
def verify_command(coin_log: Path, commitments: str, as_json: bool) -> int:
    """Is COIN_LOG what was committed to? Exit code 8 where it is not.

    \b
    Example:
      auditor twins verify coin.jsonl --commitments commitments.jsonl
    """
    entries, given = coin_entries(coin_log), commitments_in(Path(commitments))
    verify(entries, given, coin_log)
    counts = [0] * max((len(e["candidates"]) for e in entries), default=0)
    for entry in entries:
        counts[int(entry["index"])] += 1
    if as_json:
        put_json({"verified": True, "days": len(given), "entries": len(entries), "coins": counts})
    else:
        put(
            f"verified: {len(entries):,} entries of {len(given):,} days; each candidate was"
            f" served {', '.join(f'{c:,}' for c in counts) or '0'} times"
        )
    return 0


def _refuse_several_models(rows: Sequence[ServedAnswer], log: Path) -> None:
    """Raises UsageProblem where the answers are of several models: one teacher can't redraw
    them."""
    names = sorted({row.model or "" for row in rows})
    if len(names) > 1:
        told = ", ".join(printable(name or "unnamed", 40) for name in names[:3])
        raise UsageProblem(
            f"the answers are of {len(names)} models ({told})",
            where=log,
            next_step="choose one of them with --model",
        )


def _refuse_old(rows: Sequence[ServedAnswer]) -> None:
    """Raises UsageProblem where a served answer is older than a day, or has no time."""
    now = datetime.fromisoformat(timestamp())
    for row in rows:
        when = _time(row.time)
        if when is None or abs(now - when) > AT_SERVING:
            told = printable(row.time, 40) or "no time"
            raise UsageProblem(
                f"an answer of {told} was not served within a day of now, so its twins are not"
                " sealed",
                where="--sealed",
                next_step="leave the flag out: such twins are regenerated",
            )


def _time(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _cost(
    spec: str, rows: Sequence[ServedAnswer], asking: TwinSampling, tally: LogTally, as_json: bool
) -> int:
    parsed = parse_spec(spec)
    requests = [asking.requests(row)[0] for row in rows]
    longest = max(r.max_tokens for r in requests)
    probes = tuple(r.probe for r in requests)
    asked = ProbeSet(name="served", version="1", max_tokens=longest, probes=probes)
    cost = estimate([asked], Sampling(samples=asking.m), parsed.kind.parameters(parsed))
    if as_json:
        put_json({"prompts": len(rows), "m": asking.m, **cost.model_dump(mode="json")})
    else:
        put(
            f"{len(rows):,} prompts ({_left_out(tally)}), {len(rows) * asking.m:,} answers to draw:"
            f" {cost.tokens_in:,} tokens read, at most {cost.tokens_out_at_most:,} written, about"
            f" {cost.seconds:,.0f} s ({cost.basis})"
        )
    return 0


def _left_out(tally: LogTally) -> str:
    told = {
        "unreadable": tally.unreadable,
        "without an answer": tally.without_answer,
        "failed, filtered or empty": tally.unusable,
        "twice": tally.duplicate,
        "of other accounts": tally.other_accounts,
        "a prompt again": tally.repeated_prompt,
    }
    left = ", ".join(f"{n:,} {what}" for what, n in told.items() if n)
    return f"{tally.read:,} rows read" + (f", left out: {left}" if left else "")
