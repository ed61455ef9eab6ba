"""The child that meets a stranger's tokenizer and template first: bombs end there, changes to
the question are told."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput
from fingerprints.records import Arm
from fingerprints.subjects import preflight as module
from fingerprints.subjects.child import run_limited
from fingerprints.subjects.preflight import QUESTION, anomalies_of, examine, preflight
from tests.fingerprints.subjects.tiny import (
    CHATML,
    DROPS_USER,
    NO_SYSTEM,
    OWN_SYSTEM,
    PROMPT,
    TURNS,
    tiny_tokenizer,
)

TIME_BOMB = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}" + TURNS
MEMORY_BOMB = "{{ 'a' * 1000000000 }}" + TURNS
WIDTH_BOMB = "{{ '%2000000000d' % 1 }}" + TURNS
OUTPUT_BOMB = "{{ 'a' * 3000000 }}" + TURNS
POWER_BOMB = "{{ 10 ** (10 ** 9) }}" + TURNS
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}" + TURNS,
    "{{ cycler.__init__.__globals__.os.system('touch ran') }}" + TURNS,
    "{{ lipsum.__globals__['os'].popen('touch ran').read() }}" + TURNS,
    "{{ ('{0.__class__.__base__}').format('') }}" + TURNS,
    "{{ messages|map(attribute='__class__')|list }}" + TURNS,
]


def folder_with(folder: Path, template: str | None) -> Path:
    tiny_tokenizer(template).save_pretrained(folder)
    return folder


def test_a_plain_template_raises_nothing_and_tells_its_own_system_prompt(tmp_path: Path) -> None:
    said = preflight(folder_with(tmp_path, CHATML), None)
    assert said == (f"the chat template adds text of its own: {OWN_SYSTEM!r}",)


def test_a_success_is_remembered_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(tmp_path, TURNS + PROMPT)
    assert preflight(tmp_path, None) == ()

    def never(*_: object, **__: object) -> dict[str, object]:
        raise MalformedInput("the child ran again")

    monkeypatch.setattr(module, "run_limited", never)
    assert preflight(tmp_path, None) == ()
    (tmp_path / "chat_template.jinja").write_text(TURNS, "utf-8")
    with pytest.raises(MalformedInput, match="ran again"):
        preflight(tmp_path, None)


def test_a_cache_that_can_t_be_written_costs_another_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "file"))
    (tmp_path / "model").mkdir()
    assert preflight(folder_with(tmp_path / "model", TURNS + PROMPT), None) == ()


@pytest.mark.parametrize(
    "bomb", [TIME_BOMB, MEMORY_BOMB, OUTPUT_BOMB], ids=["time", "memory", "output"]
)
def test_a_template_bomb_goes_off_in_the_child(tmp_path: Path, bomb: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ResourceLimit):
        preflight(folder_with(tmp_path, bomb), None)
    assert time.monotonic() - begun < 30


@pytest.mark.slow
@pytest.mark.parametrize(
    "bomb", [WIDTH_BOMB, POWER_BOMB, "{% for a in range(1000000000) %}{% endfor %}" + TURNS]
)
def test_more_template_bombs_go_off_in_the_child(tmp_path: Path, bomb: str) -> None:
    with pytest.raises((ResourceLimit, MalformedInput)):
        preflight(folder_with(tmp_path, bomb), None)


@pytest.mark.parametrize("template", ESCAPES)
def test_an_escape_is_refused_or_inert_and_named(
    tmp_path: Path, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "limit_further", lambda memory: None)
    folder = folder_with(tmp_path / "model", template)
    try:
        said = " ".join(examine(folder, "model")["anomalies"])
    except (UnsafeInput, MalformedInput) as error:
        said = error.line()
    assert "Python internals" in said or "the chat template" in said
    assert not (tmp_path / "ran").exists()


def test_a_template_that_fails_names_the_way_out(tmp_path: Path) -> None:
    folder_with(tmp_path, "{% for m in messages %}{{ m['content'] }}")
    with pytest.raises(MalformedInput, match="template=plain"):
        preflight(tmp_path, None)
    assert preflight(tmp_path, "plain") == ()


def test_text_that_a_template_drops_or_adds_is_an_anomaly() -> None:
    tokenizer = tiny_tokenizer(DROPS_USER)
    dropped = anomalies_of(
        {Arm.OWN: "<|im_start|>user\nSay something nice.<|im_end|>\n"}, tokenizer
    )
    assert dropped[0] == "the chat template drops or changes the user text (own arm)"
    assert "Say something nice." in dropped[1]
    silent = anomalies_of({Arm.OWN: QUESTION, Arm.NEUTRAL: QUESTION}, tiny_tokenizer(TURNS))
    assert silent == ["the chat template drops or changes the system text (neutral arm)"]


def test_a_template_without_a_system_role_is_folded_and_passes(tmp_path: Path) -> None:
    assert preflight(folder_with(tmp_path, NO_SYSTEM), None) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"model": 1}', "\x00\x01"])
def test_a_broken_tokenizer_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    folder_with(tmp_path, CHATML)
    (tmp_path / "tokenizer.json").write_text(text, "utf-8")
    with pytest.raises(MalformedInput, match="tokenizer can't be loaded") as raised:
        examine(tmp_path, "model")
    assert "\n" not in raised.value.line()


def test_the_childs_error_is_raised_here(tmp_path: Path) -> None:
    folder_with(tmp_path, CHATML)
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(MalformedInput, match="tokenizer can't be loaded"):
        preflight(tmp_path, None)


@pytest.mark.slow
def test_a_tokenizer_that_aborts_ends_the_child_alone(tmp_path: Path) -> None:
    folder_with(tmp_path, CHATML)
    path = tmp_path / "tokenizer.json"
    value = json.loads(path.read_text("utf-8"))
    value["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Replace", "pattern": {"String": "o"}, "content": "o" * 1000}] * 6,
    }
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises((UnsafeInput, ResourceLimit, MalformedInput)):
        preflight(tmp_path, None)


def test_the_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    from fingerprints.subjects import child

    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert not any("secret" in v for v in child._environment().values())


def test_a_child_that_says_nonsense_is_malformed_input() -> None:
    with pytest.raises(MalformedInput, match="can't be read"):
        run_limited("this", [], memory=1 << 32, seconds=20, where="x")
