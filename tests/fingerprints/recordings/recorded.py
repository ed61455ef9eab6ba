"""What tests of recordings share: a row, and ways to write and open files of rows."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from fingerprints.recordings.recording import RecordedSubject, open_recording
from fingerprints.subjects import parse_spec
from fingerprints.transcript import Transcript

ASKED = [{"role": "user", "content": "Who are you?"}]
SAID = {"role": "assistant", "content": "I am Y."}
ROW = {"prompt": "Why is the sky blue?", "answer": "Because of scattering.", "model": "lamb"}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def opened(path: Path, **options: str) -> RecordedSubject:
    text = ",".join([f"recording:{path}", *(f"{k}={v}" for k, v in options.items())])
    return open_recording(parse_spec(text))


def answers(path: Path, **options: str) -> list[tuple[str, str]]:
    transcript = opened(path, **options).recorded()
    return sorted((transcript.probes[r.probe_id].text, r.text) for r in transcript.replies)


def read(tmp_path: Path, *values: Any, **options: str) -> Transcript:
    return opened(write(tmp_path / "a.jsonl", *values), **options).recorded()


def told(said: Transcript) -> list[tuple[str, str]]:
    return sorted((said.probes[r.probe_id].text, r.text) for r in said.replies)


def inspect_sample(number: int, epoch: int = 1, answer: str = "A") -> dict[str, Any]:
    choice = {
        "message": {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        "stop_reason": "stop",
    }
    return {
        "id": number,
        "epoch": epoch,
        "input": [{"role": "system", "content": "S"}, {"role": "user", "content": f"Q{number}"}],
        "output": {"model": "lamb-0", "choices": [choice]},
        "scores": {"s": {"value": "C"}},
    }


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path
