"""Installs a third party's kinds of subject as pip would leave them: a module and a dist-info with
entry points in a folder on the path."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
"""Two kinds of subject: `toy` declares itself, `plain` is a bare callable."""
import hashlib

from fingerprints.records import Identity, Reply, Status
from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import SubjectKind

WORDS = "river stone lamb early answer window quiet copper field seven".split()


class Toy(Subject):
    def __init__(self, name, mood):
        self.spec = f"toy:{name}" + (f",mood={mood}" if mood else "")
        self.identity = Identity(kind="endpoint", name=name, template="remote")
        self.name = name

    def generate(self, requests):
        for request in requests:
            digest = hashlib.sha256(f"{self.name} {request.probe.text} {request.sample}".encode())
            said = " ".join(WORDS[b % len(WORDS)] for b in digest.digest()[:12])
            yield Reply(
                probe_id=request.probe.id, arm=request.arm, sample=request.sample,
                status=Status.OK, text=said, tokens_out=12, seconds=0.01,
            )


def weights(spec):
    return "no weights at all"


TOY = SubjectKind(
    opens="toy_subjects:opened",
    options=frozenset({"mood"}),
    recognises=lambda path: path.suffix == ".toy",
    parameters=lambda spec: 2e6,
    opens_free=True,
)
HEAVY = SubjectKind(opens="toy_subjects:opened", weights=weights)
NEITHER = SubjectKind(opens=lambda spec: "a string")


def opened(spec):
    return Toy(spec.target, spec.options.get("mood"))


def plain(text):
    subject = Toy(text, None)
    subject.spec = f"plain:{text}"
    return subject
'''
POINTS = """[auditor.subjects]
toy = toy_subjects:TOY
plain = toy_subjects:plain
heavy = toy_subjects:HEAVY
neither = toy_subjects:NEITHER
gone = toy_subjects:absent
hf = toy_subjects:TOY
"""


def install(folder: Path) -> Path:
    """Writes the distribution into a folder, which is then to be put on the path."""
    info = folder / "toy_subjects-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "toy_subjects.py").write_text(MODULE, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-subjects\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder
