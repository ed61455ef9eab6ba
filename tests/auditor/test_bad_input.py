"""Bad input, command by command: one clear line that names the file or flag and the next step, the
right exit code, and nothing lost. Rows follow the fault matrix: store, weights, endpoint,
transcripts, report, environment."""

from __future__ import annotations

import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.cli import run
from fingerprints.journal import TranscriptWriter
from fingerprints.store import FingerprintStore
from tests.recordings import answers_of, recorded, write_jsonl


@dataclass(frozen=True)
class Fault:
    """One bad input: how it is made, the command line that meets it, its exit code, and what the
    line must name."""

    name: str
    make: Callable[[Path], list[str]]
    code: int
    names: str


def text(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def empty(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


def checkpoint(folder: Path, config: object = None, **files: bytes | str) -> str:
    text(
        folder / "config.json",
        json.dumps(
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
            if config is None
            else config
        ),
    )
    for name, content in files.items():
        text(folder / name.replace("__", "."), content)
    return str(folder)


def safetensors(header: dict[str, object], body: bytes = b"") -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


def gguf(version: int = 3, tensors: int = 0, pairs: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + rest


def audit(*spec: str) -> list[str]:
    return ["audit", *spec, "--out", "OUT"]


def transcript(folder: Path) -> Path:
    path = folder / "t.jsonl"
    made = recorded(folder, "alpha")
    with TranscriptWriter(path, made.header, made.probes.values()) as writer:
        for reply in made.replies:
            writer.add(reply)
        writer.finish()
    return path


def damaged_transcript(folder: Path) -> list[str]:
    path = transcript(folder)
    path.write_bytes(path.read_bytes().replace(b"bridge", b"BRIDGE", 1))
    return audit(str(path))


def zipped(path: Path, content: bytes) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", content)
    return str(path)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def linked(folder: Path) -> list[str]:
    text(folder / "secret.safetensors", safetensors({}))
    where = checkpoint(folder / "m")
    os.symlink(folder / "secret.safetensors", folder / "m" / "model.safetensors")
    return audit(where)


ROW = json.dumps({"prompt": "p", "answer": "a"}) + "\n"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
ONE = safetensors({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0\0\0\0")

FAULTS = [
    # usage
    Fault("no suspect", lambda d: ["audit"], 2, "SPEC"),
    Fault("unknown command", lambda d: ["audti"], 2, "audti"),
    Fault("unknown flag", lambda d: ["audit", "x", "--colour"], 2, "--colour"),
    Fault("unknown scheme", lambda d: audit("ollama:x"), 2, "ollama"),
    Fault("unknown spec option", lambda d: audit("hf:org/name,colour=red"), 2, "colour"),
    Fault(
        "unknown probe set", lambda d: audit("gguf:x.gguf", "--probes", "horoscope"), 2, "horoscope"
    ),
    Fault("no probe at all", lambda d: audit("gguf:x.gguf", "--probes", "style:0"), 2, "style:0"),
    Fault("unknown detector", lambda d: audit("gguf:x.gguf", "--detectors", "magic"), 2, "magic"),
    Fault(
        "unknown candidate",
        lambda d: audit(text(d / "a.jsonl", ROW), "--candidate", "nobody"),
        2,
        "nobody",
    ),
    Fault("unknown level", lambda d: audit("x", "--fail-on", "certain"), 2, "certain"),
    Fault("negative temperature", lambda d: audit("x", "--temperature", "-1"), 2, "temperature"),
    Fault("unknown dtype", lambda d: audit("x", "--dtype", "int3"), 2, "int3"),
    Fault(
        "device for an endpoint",
        lambda d: audit("openai:m,base_url=http://127.0.0.1:9/v1", "--device", "cpu"),
        2,
        "--device",
    ),
    Fault("file of no known kind", lambda d: audit(text(d / "a.docx", "x")), 2, "a.docx"),
    Fault("unknown report format", lambda d: ["report", str(d), "--format", "pdf"], 2, "pdf"),
    # plans
    Fault("missing plan", lambda d: ["audit", "--plan", str(d / "p.yaml")], 3, "p.yaml"),
    Fault(
        "plan that is no mapping",
        lambda d: ["audit", "--plan", text(d / "p.yaml", "- a")],
        3,
        "p.yaml",
    ),
    Fault(
        "plan with an unknown field",
        lambda d: ["audit", "--plan", text(d / "p.yaml", "suspect: x\ncolour: red")],
        3,
        "colour",
    ),
    Fault(
        "plan that is code",
        lambda d: ["audit", "--plan", text(d / "p.yaml", "!!python/object/apply:os.system [x]")],
        3,
        "p.yaml",
    ),
    # recorded answers
    Fault("missing recording", lambda d: audit(str(d / "none.jsonl")), 3, "none.jsonl"),
    Fault("empty recording", lambda d: audit(text(d / "a.jsonl", "")), 3, "a.jsonl"),
    Fault("blank recording", lambda d: audit(text(d / "a.jsonl", "\n  \n")), 3, "a.jsonl"),
    Fault(
        "recording with a bad line",
        lambda d: audit(text(d / "a.jsonl", ROW + "{oops\n")),
        3,
        "line 2",
    ),
    Fault(
        "recording without answers",
        lambda d: audit(text(d / "a.jsonl", '{"prompt": "p"}\n')),
        3,
        "a.jsonl",
    ),
    Fault(
        "recording with a number for an answer",
        lambda d: audit(text(d / "a.jsonl", '{"prompt": "p", "answer": 3}\n')),
        3,
        "line 1",
    ),
    Fault(
        "deeply nested recording", lambda d: audit(text(d / "a.jsonl", "[" * 100_000)), 3, "a.jsonl"
    ),
    Fault(
        "recording of two models",
        lambda d: audit(
            text(
                d / "a.jsonl",
                "".join(
                    json.dumps({"model": m, "prompt": "p", "answer": "a"}) + "\n"
                    for m in ("x", "y")
                ),
            )
        ),
        3,
        "model=",
    ),
    Fault(
        "recording of other prompts only, all empty",
        lambda d: audit(text(d / "a.jsonl", '{"prompt": "p", "answer": " "}\n')),
        3,
        "a.jsonl",
    ),
    Fault(
        "log that is no archive",
        lambda d: audit(text(d / "a.eval", b"PK\x03\x04oops")),
        3,
        "a.eval",
    ),
    Fault("log archive without a log", lambda d: audit(zipped(d / "a.eval", b"{}")), 3, "a.eval"),
    Fault("changed transcript", damaged_transcript, 3, "t.jsonl"),
    # weights
    Fault("missing path", lambda d: audit("./no/such/model"), 3, "no/such/model"),
    Fault("folder that is no checkpoint", lambda d: audit(str(d)), 3, "config.json"),
    Fault("pickle", lambda d: audit(text(d / "model.bin", b"\x80\x04.")), 4, "model.bin"),
    Fault(
        "checkpoint with pickles only",
        lambda d: audit(checkpoint(d / "m", pytorch_model__bin=b"\x80\x04.")),
        4,
        "pytorch_model.bin",
    ),
    Fault("checkpoint without weights", lambda d: audit(checkpoint(d / "m")), 3, "safetensors"),
    Fault(
        "checkpoint with code",
        lambda d: audit(checkpoint(d / "m", modeling_x__py="x", model__safetensors=ONE)),
        4,
        "modeling_x.py",
    ),
    Fault(
        "config that names code",
        lambda d: audit(
            checkpoint(
                d / "m",
                {"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "x.Y"}},
                model__safetensors=ONE,
            )
        ),
        4,
        "auto_map",
    ),
    Fault(
        "config that is no JSON",
        lambda d: (
            [text(d / "m" / "model.safetensors", ONE), text(d / "m" / "config.json", "{")]
            and audit(str(d / "m"))
        ),
        3,
        "config.json",
    ),
    Fault(
        "unknown architecture",
        lambda d: audit(
            checkpoint(
                d / "m",
                {"architectures": ["NoSuchLM"], "model_type": "nosuch"},
                model__safetensors=ONE,
            )
        ),
        3,
        "nosuch",
    ),
    Fault(
        "pointer instead of weights",
        lambda d: audit(checkpoint(d / "m", model__safetensors=POINTER)),
        3,
        "model.safetensors",
    ),
    Fault(
        "safetensors cut short",
        lambda d: audit(checkpoint(d / "m", model__safetensors=ONE[:20])),
        3,
        "model.safetensors",
    ),
    Fault(
        "safetensors that lies about offsets",
        lambda d: audit(
            checkpoint(
                d / "m",
                model__safetensors=safetensors(
                    {"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}, b"\0\0\0\0"
                ),
            )
        ),
        3,
        "model.safetensors",
    ),
    Fault("weights behind a link", linked, 4, "model.safetensors"),
    Fault(
        "adapter without its base",
        lambda d: audit(str(Path(text(d / "l" / "adapter_config.json", "{}")).parent)),
        3,
        "adapter=",
    ),
    Fault("missing GGUF", lambda d: audit(f"gguf:{d / 'none.gguf'}"), 3, "none.gguf"),
    Fault("empty GGUF", lambda d: audit(text(d / "m.gguf", b"")), 3, "m.gguf"),
    Fault(
        "GGUF with another magic",
        lambda d: audit(text(d / "m.gguf", b"GGML" + bytes(40))),
        3,
        "m.gguf",
    ),
    Fault("GGUF of version 99", lambda d: audit(text(d / "m.gguf", gguf(99))), 3, "99"),
    Fault("GGUF cut short", lambda d: audit(text(d / "m.gguf", gguf(pairs=3))), 3, "m.gguf"),
    Fault(
        "GGUF with 2^63 pairs", lambda d: audit(text(d / "m.gguf", gguf(pairs=2**63))), 3, "m.gguf"
    ),
    # endpoints
    Fault(
        "nobody listens",
        lambda d: audit(
            f"openai:m,base_url=http://127.0.0.1:{closed_port()}/v1", "--probes", "style:2"
        ),
        6,
        "127.0.0.1",
    ),
    Fault(
        "key in the address",
        lambda d: audit("openai:m,base_url=http://me:sesame@127.0.0.1:9/v1"),
        4,
        "base_url",
    ),
    Fault("address of a file", lambda d: audit("openai:m,base_url=file:///etc/passwd"), 2, "http"),
    Fault(
        "metadata address",
        lambda d: audit("openai:m,base_url=http://169.254.169.254/v1"),
        4,
        "base_url",
    ),
    # store
    Fault(
        "missing store",
        lambda d: audit(text(d / "a.jsonl", ROW), "--store", str(d / "none")),
        3,
        "none",
    ),
    Fault(
        "folder that is no store",
        lambda d: audit(text(d / "a.jsonl", ROW), "--store", str(d)),
        3,
        "store",
    ),
    Fault(
        "unknown stored model",
        lambda d: ["store", "show", "nobody", "--store", str(made_store(d))],
        2,
        "nobody",
    ),
    Fault(
        "name that is taken",
        lambda d: [
            "store",
            "add",
            str(write_jsonl(d / "b.jsonl", answers_of("beta"))),
            "--name",
            "alpha",
            "--store",
            str(made_store(d)),
        ],
        2,
        "--replace",
    ),
    Fault(
        "damaged index",
        lambda d: ["store", "verify", "--store", str(damaged_store(d))],
        5,
        "rebuild",
    ),
    Fault(
        "import of nothing",
        lambda d: ["store", "import", str(d / "none"), "--store", str(d / "s")],
        3,
        "none",
    ),
    Fault(
        "import of an empty folder",
        lambda d: [
            *[(d / "e").mkdir(), "store"][1:],
            "import",
            str(d / "e"),
            "--store",
            str(d / "s"),
        ],
        3,
        "e",
    ),
    Fault(
        "metadata without columns",
        lambda d: [
            "store",
            "import",
            text(d / "a.jsonl", ROW),
            "--store",
            str(d / "s"),
            "--metadata",
            text(d / "m.csv", "a,b\n1,2\n"),
        ],
        3,
        "m.csv",
    ),
    # report
    Fault("missing bundle", lambda d: ["report", str(d / "none")], 3, "none"),
    Fault(
        "bundle that is no report",
        lambda d: ["report", text(d / "report.json", "{}")],
        3,
        "report.json",
    ),
    Fault(
        "bundle that is no JSON",
        lambda d: ["report", text(d / "report.json", "{")],
        3,
        "report.json",
    ),
    Fault(
        "out folder of somebody else",
        lambda d: [text(d / "OUT" / "thesis.tex", "x"), *audit(text(d / "a.jsonl", ROW))][1:],
        3,
        "thesis.tex",
    ),
    Fault(
        "out is a file",
        lambda d: [text(d / "OUT", "x"), *audit(text(d / "a.jsonl", ROW))][1:],
        3,
        "OUT",
    ),
    Fault(
        "report into a missing folder",
        lambda d: ["probe", text(d / "a.jsonl", ROW), "--out", "/proc/nowhere/t.jsonl"],
        3,
        "t.jsonl",
    ),
]


def made_store(folder: Path) -> Path:
    path = folder / "s"
    with FingerprintStore.create(path) as store:
        store.add(recorded(folder, "alpha"), name="alpha", vendor="acme")
        store.rebuild()
    return path


def damaged_store(folder: Path) -> Path:
    path = made_store(folder)
    index = next(path.glob("gen-*/*.faiss"))
    data = bytearray(index.read_bytes())
    data[len(data) // 2] ^= 1
    index.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_bad_input_is_one_line_with_its_exit_code_and_nothing_lost(
    fault: Fault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-secret")
    arguments = [str(a) for a in fault.make(tmp_path)]
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    code = run(arguments)
    captured = capsys.readouterr()
    told = [line for line in captured.err.splitlines() if line.startswith("error[")]
    assert (code, len(told)) == (fault.code, 1), captured.err
    assert fault.names in told[0], told[0]
    assert "Next:" in told[0], told[0]
    assert len(told[0]) <= 420
    assert "Traceback" not in captured.err + captured.out
    assert "sk-planted-secret" not in captured.err + captured.out
    assert captured.out == ""
    kept = {
        p: p.read_bytes()
        for p in before
        if p.is_file() and p.suffix not in (".sqlite", ".sqlite-wal", ".sqlite-shm")
    }
    assert kept == {p: content for p, content in before.items() if p in kept}
    assert not (tmp_path / "OUT" / "report.json").exists()


def test_there_are_at_least_forty_cases_with_names_of_their_own() -> None:
    assert len({f.name for f in FAULTS}) == len(FAULTS) >= 40


def test_with_json_the_failure_is_an_object_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", str(tmp_path / "none.jsonl"), "--json"]) == 3
    value = json.loads(capsys.readouterr().out)["error"]
    assert (value["code"], value["exit_code"]) == ("E-INPUT", 3)
    assert "none.jsonl" in value["where"]


def test_a_bug_of_ours_is_kept_in_a_file_and_not_thrown_at_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("auditor.commands.report.load_bundle", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(["report", str(tmp_path)]) == 70
    err = capsys.readouterr().err
    assert "Traceback" not in err
    crash = next(tmp_path.glob("auditor-crash-*.txt"))
    assert str(crash) in err
    assert "ZeroDivisionError: planted" in crash.read_text()
