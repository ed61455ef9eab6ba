"""`auditor seal`: sign a report, add to it, make a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from auditor.commands.options import AS_JSON, dry_run
from auditor.console import put, put_json, say
from auditor.sealing.digests import FileDigest, digests_of
from auditor.sealing.keys import file_signer, gpg_signer, new_key
from auditor.sealing.reading import head_of
from auditor.sealing.records import Attestation
from auditor.sealing.seal import add, seal_report, statement_for
from auditor.sealing.signing import Signing
from auditor.sealing.sigstore_bundle import PUBLIC, sigstore_token
from auditor.sealing.stamps import need_stamps
from fingerprints.errors import UsageProblem

MEANS = (
    "A seal says who held the key and that nothing changed since. It does not say that the report"
    " is true, and whoever holds the key could seal another."
)
NO_TIME = "No time stamp: the date in the seal is this machine's word (--timestamp URL asks one)."
OPERATOR = click.option(
    "--operator",
    metavar="NAME",
    default="",
    help="Who does it; kept as it is given.",
)


def signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags that say whose key signs and who stamps the time, for `signing_with`."""
    for option in reversed(_SIGNING):
        command = option(command)
    return command


_SIGNING = (
    click.option("--key", metavar="FILE", help="Sign with this private Ed25519 key (PEM)."),
    click.option("--ssh-key", metavar="FILE", help="Sign with this OpenSSH Ed25519 key."),
    click.option("--gpg", metavar="FINGERPRINT", help="Sign with this key of GnuPG's ring."),
    click.option("--sigstore", is_flag=True, help="Sign with Sigstore, in its public log."),
    click.option(
        "--timestamp", metavar="URL", help="Have the signature stamped by an RFC 3161 server."
    ),
)


@click.command()
@click.argument("report", required=False, type=click.Path(path_type=Path))
@signing_options
@click.option("--append", "appended", metavar="FILE", help="Add a file to a sealed report.")
@click.option("--why", metavar="TEXT", default="", help="Of --append: why it is added.")
@OPERATOR
@click.option("--new-key", metavar="FILE", help="Make a key at FILE; its public half is FILE.pub.")
@dry_run("Print what would be sealed; sign nothing.")
@AS_JSON
def seal(report: Path | None, as_json: bool, **flags: Any) -> int:
    """Sign the files and records of REPORT (a report's folder) into attestation.json.

    `auditor verify` names every file and record that is changed later. Sealed twice, by two keys, a
    report has two signatures. What is added later (a reply of the accused, an amended report) is
    signed and chained to the seal, which stays as it is.

    \b
    Examples:
      auditor seal --new-key examiner.key
      auditor seal report/ --key examiner.key --operator "A. Examiner"
      auditor seal report/ --ssh-key ~/.ssh/id_ed25519 --timestamp https://freetsa.org/tsr
      auditor seal report/ --key examiner.key --append reply.pdf --operator "B. Accused" --why reply

    An encrypted key is unlocked by AUDITOR_SEAL_PASSPHRASE. Of a Sigstore identity the token comes
    from SIGSTORE_ID_TOKEN.
    """
    if flags["new_key"] is not None:
        return _new_key(Path(flags["new_key"]), report, as_json)
    if report is None:
        raise click.UsageError("Missing argument 'REPORT' (or --new-key FILE)")
    if flags["dry_run"]:
        return _show(report, flags["operator"], as_json)
    _check(flags)
    # All that can be refused is refused before anything is written.
    signing = signing_with(flags)
    if flags["appended"] is None:
        made = seal_report(report, signing, flags["operator"])
    else:
        made = add(report, Path(flags["appended"]), signing, flags["operator"], flags["why"])
    return _tell(made, as_json)


def _check(flags: dict[str, Any]) -> None:
    """Raises UsageProblem for an addition that does not say who gave it and why."""
    if flags["appended"] is not None and not (flags["operator"] and flags["why"]):
        raise UsageProblem(
            "what is added needs to say who gave it and why",
            where="--append",
            next_step="add --operator NAME and --why TEXT",
        )


def signing_with(flags: dict[str, Any]) -> Signing:
    """Who signs, by those flags. Raises UsageProblem unless exactly one does, and for a key or a
    library that is missing: nothing is written then."""
    ways = [n for n in ("key", "ssh_key", "gpg", "sigstore") if flags[n]]
    if len(ways) != 1:
        raise UsageProblem(
            "give one of --key, --ssh-key, --gpg and --sigstore",
            where="flags",
            next_step="`auditor seal --new-key FILE` makes a key",
        )
    if flags["sigstore"] and flags["timestamp"]:
        raise UsageProblem(
            "Sigstore's log holds the time already",
            where="--timestamp",
            next_step="leave it out",
        )
    if flags["timestamp"]:
        need_stamps()
    if flags["sigstore"]:
        token = sigstore_token()
        say(PUBLIC)
        return Signing(token=token)
    if flags["gpg"]:
        return Signing(gpg_signer(flags["gpg"]), stamp=flags["timestamp"])
    ssh = flags["ssh_key"] is not None
    path = Path(flags["ssh_key"] if ssh else flags["key"]).expanduser()
    return Signing(file_signer(path, ssh), stamp=flags["timestamp"])


def _new_key(path: Path, report: Path | None, as_json: bool) -> int:
    if report is not None:
        raise click.UsageError("--new-key makes a key and seals nothing: leave REPORT out")
    keyid = new_key(path)
    if as_json:
        put_json({"key": str(path), "public": f"{path}.pub", "keyid": keyid})
    else:
        put(keyid)
    say(f"written: {path} (keep it to yourself) and {path}.pub (hand it to whoever verifies)")
    return 0


def _show(report: Path, operator: str, as_json: bool) -> int:
    files = digests_of(report)
    statement_for(report, files, operator)
    if as_json:
        put_json({"files": [_row(f) for f in files]})
    else:
        for file in files:
            put(f"{file.sha256}  {file.size:>12,}  {len(file.records):>6,} records  {file.name}")
    return 0


def _row(file: FileDigest) -> dict[str, object]:
    told = {"name": file.name, "size": file.size, "sha256": file.sha256}
    return {**told, "records": len(file.records)}


def _tell(made: Attestation, as_json: bool) -> int:
    newest, head = made.chain[-1], head_of(made)
    by = [s.keyid for s in newest.envelope.signatures]
    if as_json:
        told = {"head": head, "entries": len(made.chain), "signed_by": by}
        put_json({**told, "timestamps": len(newest.timestamps)})
    else:
        put(f"sealed: {head}")
        for keyid in by:
            put(f"signed by: {keyid}")
    if not newest.timestamps and newest.sigstore is None:
        say(NO_TIME)
    say(MEANS)
    return 0
