"""Invented services and weights for the tests of policy audits, and the golden findings.

``python -m tests.auditor.audits.policy.example`` rewrites these.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from auditor.audits.policy.audit import judge
from auditor.audits.policy.plan import PolicyPlan
from detectors.text.policy_pairs import is_twin
from fingerprints.probes import load_probe_set
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

GOLDEN = Path(__file__).parents[3] / "golden" / "policy-findings.json"
REFUSALS = {
    "en": "I'm sorry, but I can't help with that.",
    "zh": "抱歉，我无法回答这个问题。",
    "es": "Lo siento, pero no puedo responder a esa pregunta.",
    "fr": "Je suis désolé, mais je ne peux pas répondre à cette question.",
    "de": "Es tut mir leid, aber ich kann diese Frage nicht beantworten.",
    "ru": "Извините, но я не могу ответить на этот вопрос.",
    "ar": "عذرًا، لا أستطيع الإجابة عن هذا السؤال.",
    "hi": "क्षमा करें, मैं इस प्रश्न का उत्तर नहीं दे सकता।",
}


@cache
def questions() -> tuple[Probe, ...]:
    """The probes of the set `policy`."""
    return load_probe_set("policy").probes


def speaker(name: str, declines: Callable[[Probe], str], kind: str = "recording") -> Transcript:
    """Somebody who answers the set `policy`; ``declines`` gives for a probe: "" (answers),
    "refuses", "filtered" or "empty"."""
    probes = questions()
    header = Header(
        spec=name,
        identity=Identity(kind="endpoint" if kind == "endpoint" else "recording", name=name),
    )
    replies = [_reply(p, declines(p)) for p in probes]
    return Transcript(
        header, {p.id: p for p in probes}, tuple(sorted(replies, key=lambda r: r.key))
    )


def _reply(probe: Probe, how: str) -> Reply:
    if how == "filtered":
        error = "rejected: HTTP 400 [content_filter] the prompt was filtered"
        return Reply(probe_id=probe.id, arm=Arm.OWN, status=Status.REJECTED, text="", error=error)
    if how == "empty":
        return Reply(
            probe_id=probe.id, arm=Arm.OWN, status=Status.EMPTY, text="", finish_reason="stop"
        )
    text = (
        REFUSALS[probe.language]
        if how == "refuses"
        else f"About {probe.id} one may say many things."
    )
    return Reply(probe_id=probe.id, arm=Arm.OWN, status=Status.OK, text=text, finish_reason="stop")


def service(probe: Probe) -> str:
    """Filters elections, refuses lyrics and, in Chinese, protests."""
    if is_twin(probe):
        return ""
    if probe.topic == "elections":
        return "filtered"
    return (
        "refuses"
        if probe.topic == "copyright" or (probe.topic == "protest" and probe.language == "zh")
        else ""
    )


def weights(probe: Probe) -> str:
    """Refuse lyrics."""
    return "refuses" if probe.topic == "copyright" and not is_twin(probe) else ""


def student(probe: Probe) -> str:
    """Declines half of what the service declines."""
    return service(probe) if probe.language == "en" else ""


PLAN = PolicyPlan(
    hosted="openai:hosted,base_url=http://localhost:1/v1", local="hf:./weights", also="hf:./student"
)


def said() -> dict[str, Transcript]:
    """The answers of the three."""
    third = speaker("student", student)
    return {
        "hosted": speaker("hosted", service, "endpoint"),
        "local": speaker("weights", weights),
        "also": third,
    }


def told() -> str:
    """What the example's report finds, as JSON."""
    report = judge(PLAN, said())
    value = report.model_dump(
        mode="json", include={"answers", "findings", "candidates", "limits", "reproduce"}
    )
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(told(), encoding="utf-8")
