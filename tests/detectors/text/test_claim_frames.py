"""Every language has every frame, and reads it: the matrix is whole, and one with a hole is refused."""

from __future__ import annotations

import time
from importlib.resources import files

import pytest

from detectors.text.claim_frames import FRAMES, frames, read_frames
from detectors.text.claims import IDENTITY, extract_claims
from detectors.text.languages import READ
from fingerprints.errors import MalformedInput
from tests.detectors.claim_sentences import sentences

CELLS = {
    (language, frame): [s for s in sentences() if (s.language, s.kind) == (language, frame)]
    for language in READ
    for frame in FRAMES
}
CLAIMING = FRAMES[: FRAMES.index("you_named_me")]
TEXT = (files("detectors.text") / "claim_frames.toml").read_text("utf-8")


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("language", READ)
def test_every_language_has_every_frame_and_reads_it(language: str, frame: str) -> None:
    cell = CELLS[language, frame]
    assert len(getattr(frames()[language].row, frame)) >= 2
    assert cell
    assert all(bool(s.expected) == (frame in CLAIMING) for s in cell)
    assert [s.text for s in cell if s.found() != s.expected] == []


def test_the_matrix_in_the_package_is_whole() -> None:
    assert set(read_frames(TEXT, "claim_frames.toml")) == set(READ)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\n[uk]\n", "\n[xx]\n", "languages: xx"),
        ("\n[de]\ncall_me", "\n[de]\ncalls_me", "de.call_me"),
        ("\n[de.words]\ntalk =", "\n[de.words]\nspoke =", "de: 'talk'"),
        ("\n[en.words]\ntalk = '", "\n[en.words]\ntalk = '(", "en: "),
        ("\n[en]\n", "\n[en\n", "not TOML"),
    ],
)
def test_a_matrix_with_a_hole_is_refused_with_its_place(old: str, new: str, told: str) -> None:
    assert old in TEXT
    with pytest.raises(MalformedInput, match=told):
        read_frames(TEXT.replace(old, new), "bad.toml")


@pytest.mark.parametrize(
    ("text", "makers"),
    [
        ("You can call me Claude.", {"anthropic"}),
        ("Du kannst mich Claude nennen.", {"anthropic"}),
        ("Можете называть меня Claude.", {"anthropic"}),
        ("私をClaudeと呼んでください。", {"anthropic"}),
        ("I'm Claude, and perhaps you know Anthropic, who made me.", {"anthropic"}),
        ("I'm Claude, but I'm not sure what you mean by that.", {"anthropic"}),
        ("Maybe that sounds odd, but I am Gemini.", {"google"}),
        ("Claude is Anthropic's.", set()),
        ("Many people are chatting with ChatGPT these days.", set()),
        ("Viele sprechen mit ChatGPT.", set()),
        ("多くの人がChatGPTと会話しています。", set()),
    ],
)
def test_a_frame_stops_where_it_ends(text: str, makers: set[str]) -> None:
    assert {c.vendor for c in extract_claims(text, IDENTITY) if c.counts} == makers


@pytest.mark.parametrize("unit", ["я — ", "§ — ", "maybe ", "в з у ", "你说我", "ว่า", "I think, "])
def test_time_grows_with_the_length(unit: str) -> None:
    def seconds(times: int) -> float:
        text = (unit * 2000)[: times * 900] + " I am ChatGPT, я ChatGPT, OpenAI."
        began = time.process_time()
        extract_claims(text, IDENTITY)
        return time.process_time() - began

    seconds(2)  # what is made once is made; a text that was read before is not read again
    one = seconds(1)
    assert seconds(4) <= 12 * max(one, 0.01)
