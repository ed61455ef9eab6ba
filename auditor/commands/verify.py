"""`auditor verify`: is a sealed report as it was?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.commands.options import AS_JSON
from auditor.console import put, put_json, say
from auditor.sealing.findings import Verification
from auditor.sealing.keys import gpg_key, public_key
from auditor.sealing.rescore import RescoreAgainst, rescored
from auditor.sealing.sigstore_bundle import SigstoreIdentity
from auditor.sealing.verify import verify as verify_report
from fingerprints.errors import Incomplete, UsageProblem, VerificationFailed


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    help="Public key of somebody whom you trust to seal; may be repeated.",
)
@click.option(
    "--gpg", "gpg", multiple=True, metavar="FINGERPRINT", help="The same, of GnuPG's ring."
)
@click.option("--identity", metavar="ID", help="Who must have signed with Sigstore.")
@click.option("--issuer", metavar="URL", help="Who vouches for --identity.")
@click.option("--tsa-ca", metavar="FILE", help="Root certificates (PEM) of time stamps.")
@click.option("--rescore", is_flag=True, help="Judge again from the records, and compare.")
@click.option("--store", "store", metavar="DIR", help="Of --rescore: where the store lies now.")
@click.option("--calibration", metavar="FILE", help="Of --rescore: where the calibration lies now.")
@AS_JSON
def verify(report: Path, as_json: bool, **flags: Any) -> int:
    """Check offline that REPORT (a report's folder) is as it was sealed.

    Every change is named by file and record, a line each on stdout; the exit code is then 8. An
    unsealed report is one as well: nothing shows that it is as it was. What can't be told here (no
    trusted key, no time stamp, a store that is not at hand) is said on stderr and changes nothing.

    \b
    Examples:
      auditor verify report/ --key examiner.key.pub
      auditor verify report/ --key examiner.key.pub --tsa-ca tsa.pem --json
      auditor verify report/ --rescore --store teachers/

    With --rescore the judgement is made again from transcript, store and calibration and compared
    figure by figure; where it can't be repeated and nothing else is wrong the exit code is 6.
    """
    found = verify_report(
        report,
        (*(public_key(Path(k)) for k in flags["keys"]), *map(gpg_key, flags["gpg"])),
        None if flags["tsa_ca"] is None else Path(flags["tsa_ca"]),
        _identity(flags["identity"], flags["issuer"]),
    )
    if flags["rescore"]:
        against = RescoreAgainst(flags["store"], flags["calibration"])
        found = rescored(report, found, against)
    return _tell(found, as_json)


def _identity(identity: str | None, issuer: str | None) -> SigstoreIdentity | None:
    if (identity is None) != (issuer is None):
        raise UsageProblem(
            "--identity and --issuer belong together", where="flags", next_step="give both"
        )
    return None if identity is None or issuer is None else SigstoreIdentity(identity, issuer)


def _tell(found: Verification, as_json: bool) -> int:
    if as_json:
        put_json(found.model_dump(mode="json"))
    else:
        for problem in found.problems:
            put(problem.line())
        for signer in found.signers:
            put(signer.line())
        if found.intact:
            added = f", {found.added} added since" if found.added else ""
            put(f"as sealed: report {found.report}{added}, newest statement {found.head}")
        if found.judged_again:
            put("judged again from its records: every figure comes out the same")
    for unchecked in found.unchecked:
        say(f"not checked: {unchecked.line()}")
    if not found.intact:
        return VerificationFailed.exit_code
    unjudged = any(u.code == "rescore" for u in found.unchecked)
    return Incomplete.exit_code if unjudged else 0
