"""Keys that sign, what is refused before anything is written, GnuPG, OpenSSH and time stamps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from auditor.audits.inheritance.audit import audit
from auditor.cli import run
from auditor.sealing.keys import file_signer, gpg_signer, new_key, public_key
from auditor.sealing.records import ATTESTATIONS
from auditor.sealing.seal import seal_report
from auditor.sealing.signing import Signing
from auditor.sealing.verify import verify
from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem
from tests.auditor.sealing.conftest import SealedCase


@pytest.fixture
def unsealed(sealed: SealedCase) -> SealedCase:
    (sealed.report / "attestation.json").unlink()
    return sealed


def told(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return said.out + said.err


def test_a_new_key_is_its_owners_alone_and_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "k"
    assert run(["seal", "--new-key", str(key)]) == 0
    said = told(capsys)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().splitlines()[1] not in said
    before = key.read_bytes()
    assert run(["seal", "--new-key", str(key)]) == 3
    assert key.read_bytes() == before


def test_no_byte_of_the_private_key_gets_into_the_report_or_what_is_said(
    unsealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = unsealed.key.read_text().splitlines()[1]
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 0
    said = told(capsys)
    assert "does not say that the report is true" in " ".join(said.split())
    assert "No time stamp" in said
    kept = [p.read_text("utf-8") for p in unsealed.report.iterdir()]
    assert not [text for text in (said, *kept) if secret in text or secret[-20:] in text]


def test_the_envelope_is_dsse_with_an_in_toto_statement(made: SealedCase) -> None:
    """Read by others' libraries, without ours."""
    import base64

    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Key

    entry = json.loads((made.report / "attestation.json").read_text())["chain"][0]
    envelope = Envelope.from_dict(json.loads(json.dumps(entry["envelope"])))
    [(keyid, key)] = entry["keys"].items()
    held = Key.from_dict(keyid, {k: v for k, v in key.items() if k != "keyid"})
    assert envelope.verify([held], 1)
    statement = json.loads(base64.b64decode(entry["envelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {s["name"] for s in statement["subject"]} == {
        "report.json",
        "report.html",
        "transcript.jsonl",
        "plan.yaml",
    }
    assert statement["predicate"]["sealed_by"] == "A. Examiner"


def test_a_key_that_others_may_read_is_refused_before_anything_is_written(
    unsealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    unsealed.key.chmod(0o644)
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 4
    assert "chmod 600" in told(capsys)
    assert not (unsealed.report / "attestation.json").exists()


def test_keys_that_are_missing_encrypted_or_of_another_kind_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    def kept(name: str, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, word: bytes):  # type: ignore[no-untyped-def]
        locked = form.BestAvailableEncryption(word) if word else form.NoEncryption()
        path = tmp_path / name
        path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked))
        path.chmod(0o600)
        return path

    with pytest.raises(MalformedInput):
        file_signer(tmp_path / "none")
    with pytest.raises(MalformedInput, match="not an Ed25519 key"):
        file_signer(kept("ec", ec.generate_private_key(ec.SECP256R1()), b""))
    locked = kept("locked", ed25519.Ed25519PrivateKey.generate(), b"opensesame")
    with pytest.raises(MalformedInput, match="passphrase is missing"):
        file_signer(locked)
    monkeypatch.setenv("AUDITOR_SEAL_PASSPHRASE", "wrong")
    with pytest.raises(MalformedInput) as error:
        file_signer(locked)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    assert "wrong" not in str(error.value)
    monkeypatch.setenv("AUDITOR_SEAL_PASSPHRASE", "opensesame")
    assert file_signer(locked)
    junk = tmp_path / "junk"
    junk.write_text("nothing")
    junk.chmod(0o600)
    with pytest.raises(MalformedInput, match="not a private key"):
        file_signer(junk)
    with pytest.raises(MalformedInput, match="not a public"):
        public_key(junk)


def test_a_page_that_says_something_else_is_not_sealed(
    unsealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    page = unsealed.report / "report.html"
    page.write_text(page.read_text("utf-8").replace("beta", "gamma"), "utf-8")
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 8
    said = told(capsys)
    assert "report.html" in said
    assert "make it anew: `auditor report REPORT --format html" in said
    assert not (unsealed.report / "attestation.json").exists()
    # As where other code of the same version made the page: the step that is named leads on.
    anew = ["--format", "html", "--out", str(page)]
    assert run(["report", str(unsealed.report), *anew]) == 0
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 0


def test_two_keys_may_seal_one_report_and_both_are_told(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["seal", str(sealed.report), "--key", str(sealed.key)]) == 2
    assert "sealed the report already" in told(capsys)
    assert run(["seal", str(sealed.report), "--key", str(sealed.other)]) == 0
    for name in ("key.pub", "other.pub"):
        assert verify(sealed.report, (public_key(sealed.folder / name),)).intact
    assert len(verify(sealed.report).signers) == 2


def test_a_changed_report_is_neither_signed_besides_nor_added_to(
    sealed: SealedCase, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.txt"
    reply.write_text("no")
    plan = sealed.report / "plan.yaml"
    plan.write_text(plan.read_text() + "# changed\n")
    assert run(["seal", str(sealed.report), "--key", str(sealed.other)]) == 8
    flags = ["--append", str(reply), "--operator", "x", "--why", "reply"]
    assert run(["seal", str(sealed.report), "--key", str(sealed.key), *flags]) == 8
    assert not list(sealed.report.glob("added-*"))


def test_an_addition_says_who_and_why_and_keeps_no_name_of_a_stranger(
    sealed: SealedCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = tmp_path / "a reply;rm -rf.PDF"
    reply.write_bytes(b"%PDF")
    bare = ["seal", str(sealed.report), "--key", str(sealed.key), "--append", str(reply)]
    assert run(bare) == 2
    assert run([*bare, "--operator", "B. Accused", "--why", "reply"]) == 0
    assert (sealed.report / "added-0001.pdf").read_bytes() == b"%PDF"
    capsys.readouterr()
    assert run(["verify", str(sealed.report), "--key", str(sealed.public)]) == 0
    assert "1 added since" in capsys.readouterr().out


def test_a_sealed_report_is_not_written_over_by_another_run(
    sealed: SealedCase, made: SealedCase
) -> None:
    store, suspect = made.folder / "teachers", made.folder / "suspect.jsonl"
    with pytest.raises(MalformedInput, match="sealed report"):
        audit(str(suspect), sealed.report, store=str(store), calibration="none")


def test_a_private_key_is_neither_sealed_with_a_report_nor_added(
    unsealed: SealedCase, made: SealedCase, tmp_path: Path
) -> None:
    inside = unsealed.report / "examiner.key"
    shutil.copy(unsealed.key, inside)
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 4
    inside.unlink()
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key)]) == 0
    flags = ["--append", str(unsealed.key), "--operator", "x", "--why", "y"]
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key), *flags]) == 4
    assert not list(unsealed.report.glob("added-*"))


def test_links_in_a_report_are_refused(unsealed: SealedCase) -> None:
    (unsealed.report / "more").symlink_to("/etc")
    with pytest.raises(UnsafeInput):
        seal_report(unsealed.report, unsealed.signing())


def test_without_the_extra_one_sentence_says_what_to_install(made: SealedCase) -> None:
    """Everything else goes without: the modules are imported and the report is shown."""
    code = (
        "import sys\n"
        "for name in ('securesystemslib', 'cryptography', 'sigstore', 'rfc3161_client'):\n"
        "    sys.modules[name] = None\n"
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda n, p=None: None if n in ('securesystemslib', 'cryptography') else"
        " find(n, p)\n"
        "from auditor.cli import run\n"
        "assert run(['report', sys.argv[1], '--json']) == 0\n"
        "sys.exit(run(['verify', sys.argv[1]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.report)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr[-500:]
    assert "pip install 'distillation-auditor[seal]'" in done.stderr


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_an_openssh_key_signs_and_its_public_line_verifies(unsealed: SealedCase) -> None:
    path = unsealed.folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    assert run(["seal", str(unsealed.report), "--ssh-key", str(path)]) == 0
    assert verify(unsealed.report, (public_key(unsealed.folder / "id.pub"),)).intact


@pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed")
def test_a_gpg_key_signs_and_verifies(
    unsealed: SealedCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as home:  # a socket's path must be short
        monkeypatch.setenv("GNUPGHOME", home)
        make = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "a@b.example", "ed25519"]
        subprocess.run([*make, "sign", "never"], check=True, capture_output=True)
        shown = subprocess.run(
            ["gpg", "--list-keys", "--with-colons"], check=True, capture_output=True, text=True
        ).stdout
        wanted = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr"))
        try:
            assert run(["seal", str(unsealed.report), "--gpg", wanted]) == 0
            assert run(["verify", str(unsealed.report), "--gpg", wanted]) == 0, told(capsys)
            assert run(["verify", str(unsealed.report), "--key", str(unsealed.public)]) == 8
            (unsealed.report / "plan.yaml").write_text("")
            assert run(["verify", str(unsealed.report), "--gpg", wanted]) == 8
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def test_what_is_no_fingerprint_never_reaches_gpg() -> None:
    with pytest.raises(UsageProblem, match="40 hexadecimal"):
        gpg_signer("--output=/tmp/x")


def test_sigstore_without_a_token_is_refused_before_anything_is_written(
    unsealed: SealedCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sigstore")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", "not.a.token")
    assert run(["seal", str(unsealed.report), "--sigstore"]) == 2
    assert "not.a.token" not in told(capsys)
    assert not (unsealed.report / "attestation.json").exists()


def test_a_sigstore_bundle_that_is_none_is_told(sealed: SealedCase) -> None:
    pytest.importorskip("sigstore")
    path = sealed.report / "attestation.json"
    held = json.loads(path.read_text())
    held["chain"][0]["sigstore"] = {"mediaType": "nonsense"}
    path.write_text(json.dumps(held))
    assert "sigstore_wrong" in {p.code for p in verify(sealed.report).problems}


class TimeStamps(BaseHTTPRequestHandler):
    """A server of RFC 3161 time stamps, by `openssl ts`."""

    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        (self.folder / "q.tsq").write_bytes(body)
        subprocess.run(
            [
                "openssl",
                "ts",
                "-reply",
                "-queryfile",
                "q.tsq",
                "-out",
                "a.tsr",
                "-config",
                "ts.cnf",
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        answer = (self.folder / "a.tsr").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


CONFIG = """
[tsa]
default_tsa = one
[one]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = "extendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:FALSE\n"


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str = "ca") -> None:
    """A certificate authority and a stamping certificate under it."""
    openssl(
        folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key",
        "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN=test {name}",
    )  # fmt: skip


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a local server of time stamps, and the folder with its certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path / "tsa"
    folder.mkdir()
    authority(folder)
    openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
        "-subj", "/CN=test clock",
    )  # fmt: skip
    (folder / "ext").write_text(EXTENSIONS)
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-out", "tsa.pem", "-days", "30", "-extfile", "ext",
    )  # fmt: skip
    (folder / "ts.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    handler = type("Here", (TimeStamps,), {"folder": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/tsr", folder
    server.shutdown()
    server.server_close()


def test_a_time_stamp_is_asked_for_and_read_offline(
    unsealed: SealedCase, clock: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = clock
    asked = ["seal", str(unsealed.report), "--key", str(unsealed.key), "--timestamp", url]
    assert run(asked) == 0, told(capsys)
    assert "No time stamp" not in told(capsys)
    keys = (public_key(unsealed.public),)
    [unvouched] = verify(unsealed.report, keys).signers
    assert unvouched.time is not None
    assert not unvouched.time_trusted
    good = verify(unsealed.report, keys, folder / "ca.pem")
    assert good.intact, good.problems
    assert good.signers[0].time_trusted
    assert not good.unchecked
    authority(folder, "stranger")
    foreign = verify(unsealed.report, keys, folder / "stranger.pem")
    assert {p.code for p in foreign.problems} == {"timestamp_wrong"}


def test_a_time_stamp_of_something_else_is_told(
    unsealed: SealedCase, clock: tuple[str, Path]
) -> None:
    url, folder = clock
    signer = file_signer(unsealed.key)
    seal_report(unsealed.report, Signing(signer, stamp=url))
    path = unsealed.report / "attestation.json"
    stamp = ATTESTATIONS.read(path).chain[0].timestamps
    path.unlink()
    plan = unsealed.report / "plan.yaml"
    plan.write_text(plan.read_text() + "# later\n")
    made = seal_report(unsealed.report, Signing(signer))
    told = json.loads(path.read_text())
    told["chain"][0]["timestamps"] = stamp
    path.write_text(json.dumps(told))
    assert made.chain[0].timestamps == {}
    for authorities in (None, folder / "ca.pem"):
        found = verify(unsealed.report, (), authorities)
        assert {p.code for p in found.problems} == {"timestamp_wrong"}


def test_where_no_stamp_is_to_be_had_nothing_is_written(
    unsealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://127.0.0.1:9/tsr"
    assert run(["seal", str(unsealed.report), "--key", str(unsealed.key), "--timestamp", url]) == 6
    assert "no time stamp" in told(capsys)
    assert not (unsealed.report / "attestation.json").exists()


def test_a_failed_addition_leaves_no_file_behind(
    sealed: SealedCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = tmp_path / "reply.txt"
    reply.write_text("no")
    flags = ["--append", str(reply), "--operator", "x", "--why", "y"]
    flags += ["--timestamp", "http://127.0.0.1:9/tsr"]
    assert run(["seal", str(sealed.report), "--key", str(sealed.key), *flags]) == 6
    assert not list(sealed.report.glob("added-*"))
    assert verify(sealed.report).intact


def test_the_key_of_new_key_signs(tmp_path: Path) -> None:
    keyid = new_key(tmp_path / "k")
    assert file_signer(tmp_path / "k").public_key.keyid == keyid
    assert os.stat(tmp_path / "k.pub").st_mode & 0o400
