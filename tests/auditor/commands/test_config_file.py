"""auditor.toml and the environment: what each option is read from, in which order, and what a file
that nobody named may not do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

from auditor.cli import cli, run
from auditor.commands.config_file import FOUND_MAY
from auditor.commands.config_paths import _PLACES, NO_PATHS, from_here
from auditor.commands.naming import SHARED, leaves, options_of, variable, variables_of
from fingerprints.store import FingerprintStore
from tests.recordings import answers_of, recorded, write_jsonl

ALL = [
    (words, leaf) for name in cli.commands for words, leaf in leaves(cli.commands[name], (name,))
]
DANGEROUS = {
    "base",
    "teacher",
    "teachers",
    "also",
    "suspect",
    "out",
    "force",
    "html",
    "scores",
    "plan",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a store and a suspect; the working folder is below it."""
    (tmp_path / ".git").mkdir()
    with FingerprintStore.create(tmp_path / "teachers") as opened:
        for name in ("alpha", "beta", "gamma", "delta"):
            opened.add(recorded(tmp_path, name), name=name, vendor=name, family=name)
    write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    for name in list(os.environ):
        if name.startswith("AUDITOR_") and name not in ("AUDITOR_CACHE", "AUDITOR_BENCH_DATA"):
            monkeypatch.delenv(name)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    assert run(["config", "show", *command, "--json"]) == 0
    return {row["option"]: row for row in json.loads(capsys.readouterr().out)["options"]}


def dry(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["audit", "../suspect.jsonl", "--dry-run", "--json", *flags]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["audit", "../suspect.jsonl", "--dry-run", *flags])
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return code, lines[0]


@pytest.mark.parametrize(("words", "leaf"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_every_option_of_every_command_is_read_from_its_twin(
    words: tuple[str, ...], leaf: click.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for flag, option in options_of(leaf).items():
        monkeypatch.setenv(variable(words, flag), "1")
        with click.Context(leaf, info_name=words[-1]) as context:
            value, source = option.consume_value(context, {})
        assert source is click.core.ParameterSource.ENVIRONMENT, flag
        assert value in ("1", ["1"], True), flag
        monkeypatch.delenv(variable(words, flag))


def test_no_two_options_share_a_twin_but_those_that_are_shared() -> None:
    owners: dict[str, set[int]] = {}
    for _, leaf in ALL:
        for option in options_of(leaf).values():
            for name in variables_of(option):
                owners.setdefault(name, set()).add(id(option))
    shared = {name for name, held in owners.items() if len(held) > 1}
    assert shared == set(SHARED.values())


def test_whoever_adds_an_option_says_whether_it_holds_a_path() -> None:
    words = {
        option.metavar
        for _, leaf in ALL
        for option in options_of(leaf).values()
        if option.metavar is not None
    }
    assert words <= {*_PLACES, *NO_PATHS}


def test_a_found_file_may_set_nothing_that_names_models_or_writes_files() -> None:
    flags = {flag for _, leaf in ALL for flag in options_of(leaf)}
    assert flags >= FOUND_MAY
    assert not DANGEROUS & FOUND_MAY
    for _, leaf in ALL:
        for flag, option in options_of(leaf).items():
            if flag in FOUND_MAY:
                assert "SPEC" not in (option.metavar or "")


def test_flag_wins_over_environment_over_file_over_default(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def seed(*flags: str) -> int:
        found: int = dry(capsys, *flags)["plan"]["sampling"]["seed"]
        return found

    assert seed() == 0
    (home / "auditor.toml").write_text("[audit]\nseed = 1\n")
    assert seed() == 1
    assert shown(capsys, "audit")["seed"]["from"] == "audit.seed"
    monkeypatch.setenv("AUDITOR_AUDIT_SEED", "2")
    assert seed() == 2
    assert shown(capsys, "audit")["seed"]["from"] == "AUDITOR_AUDIT_SEED"
    assert seed("--seed", "3") == 3


def test_a_store_is_read_from_its_own_twin_and_from_the_shared_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_STORE", "nowhere")
    monkeypatch.setenv("AUDITOR_AUDIT_STORE", str(home / "teachers"))
    assert dry(capsys)["candidates"] == ["alpha", "beta", "delta", "gamma"]
    assert shown(capsys, "audit")["store"]["from"] == "AUDITOR_AUDIT_STORE"
    assert shown(capsys, "compare")["store"]["from"] == "AUDITOR_STORE"


def test_paths_begin_at_the_file_and_the_plan_names_what_was_used(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text('[shared]\nstore = "teachers"\n[audit]\nprobes = "quick"\n')
    found = dry(capsys)
    assert found["candidates"] == ["alpha", "beta", "delta", "gamma"]
    assert found["plan"]["store"] == "../teachers"
    assert [choice["set"] for choice in found["plan"]["probes"]] == ["identity", "style"]
    assert shown(capsys, "audit")["store"]["from"] == "shared.store"


def test_a_found_file_is_told_of_and_can_be_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text("[audit]\nseed = 1\n")
    assert run(["audit", "../suspect.jsonl", "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert "auditor.toml, found" in told
    assert "--seed 1" in told
    assert dry(capsys, "--config", "none")["plan"]["sampling"]["seed"] == 0
    monkeypatch.setenv("AUDITOR_CONFIG", "none")
    assert dry(capsys)["plan"]["sampling"]["seed"] == 0
    assert shown(capsys) == {}


def test_a_file_is_found_within_the_repository_only(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text("[audit]\nseed = 1\n")
    (home / "below" / ".git").mkdir()
    assert dry(capsys)["plan"]["sampling"]["seed"] == 0
    (home / "below" / ".git").rmdir()
    (home / ".git").rmdir()
    assert dry(capsys)["plan"]["sampling"]["seed"] == 0
    assert dry(capsys, "--config", "../auditor.toml")["plan"]["sampling"]["seed"] == 1


@pytest.mark.parametrize(
    "line",
    [
        'base = "openai:x,base_url=http://203.0.113.9/v1"',
        'teacher = ["alpha=openai:x,base_url=http://203.0.113.9/v1"]',
        'out = "../../.ssh"',
        "force = true",
        "samples = 1000",
        "alpha = 0.4",
        'calibration = "mine.json"',
        "allow-partial = true",
        'probes = "theirs.yaml"',
        'store = "/elsewhere"',
        'store = "../teachers"',
    ],
)
def test_what_only_a_named_file_may_set_is_refused_of_a_found_one(
    line: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text(f"[audit]\n{line}\n")
    code, told = refused(capsys)
    assert code == 4
    assert f"audit.{line.partition(' ')[0]}" in told
    assert "203.0.113.9" not in told


def test_a_named_file_may_set_all(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "mine.toml").write_text(
        '[audit]\nbase = "suspect.jsonl"\ncandidate = ["alpha"]\nstore = "teachers"\n'
        'detectors = ["stylistic_overlap", "overlap"]\n'
    )
    found = dry(capsys, "--config", "../mine.toml")
    assert found["plan"]["base"] == "../suspect.jsonl"
    assert found["candidates"] == ["alpha"]
    assert found["plan"]["detectors"] == ["stylistic_overlap", "overlap"]


@pytest.mark.parametrize(
    ("text", "names", "near"),
    [
        ('[audit]\nprobs = "quick"\n', "audit.probs", "probes"),
        ("[audit]\nmax_tokens = 5\n", "audit.max_tokens", "max-tokens"),
        ("[audti]\nseed = 1\n", "[audti]", "audit"),
        ('[shared]\nstroe = "x"\n', "shared.stroe", "store"),
        ('store = "x"\n', "store", "[shared]"),
        ("[control.trian]\nseed = 1\n", "control.trian", "train"),
        ("[audit]\nseed = 1\n[audit.more]\nseed = 1\n", "audit.more", "config show"),
    ],
)
def test_an_unknown_key_is_one_line_with_the_nearest_real_one(
    text: str, names: str, near: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text(text)
    code, told = refused(capsys)
    assert code == 2
    assert names in told
    assert near in told.partition("Next:")[2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[audit]\nseed = true\n", 2),
        ('[audit]\nseed = "many"\n', 2),
        ("[audit]\nseed = 1.5\n", 2),
        ("[audit]\ndetectors = []\n", 2),
        ('[audit]\ndetectors = ""\n', 2),
        ('[audit]\ndetectors = ["overlap", " "]\n', 2),
        ("[audit]\nfull = 1\n", 2),
        ("[audit]\nseed = [1]\n", 2),
        ("[audit\n", 3),
        ("\x00", 3),
        ("a = " + "[" * 9000 + "]" * 9000, 3),
        ("# " + "x" * 200_000, 3),
        ('[audit]\napi_key = "x"\n', 4),
        ('OPENAI_API_KEY = "x"\n', 4),
        ('[audit]\nprobes = "sk-abcdefghijklmnopqrstuv"\n', 4),
        ('[audit]\nbase = "openai:x,base_url=https://me:hidden@example.org/v1"\n', 4),
    ],
)
def test_a_bad_file_is_one_line_and_a_secret_in_it_is_never_repeated(
    text: str, code: int, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text(text)
    found, told = refused(capsys)
    assert found == code
    assert "auditor.toml" in told
    assert "hidden" not in told
    assert "abcdefgh" not in told


def test_keys_that_only_look_like_secrets_are_none(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "mine.toml").write_text("[audit]\nmax-tokens = 7\n[lineage]\ntokenizer-only = true\n")
    assert dry(capsys, "--config", "../mine.toml")["plan"]["sampling"]["max_tokens"] == 7


def test_a_bad_value_names_the_variable_that_it_is_from(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_AUDIT_SEED", "many")
    code, told = refused(capsys)
    assert code == 2
    assert "AUDITOR_AUDIT_SEED" in told


def test_several_values_in_a_variable_are_parted_by_spaces_and_quoted_where_they_hold_one(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = dict(ALL)[("audit",)]
    monkeypatch.setenv("AUDITOR_AUDIT_TEACHER", r"""a=./a 'b=./my b' "c=C:\c d" e=./e#1""")
    with click.Context(leaf, info_name="audit") as context:
        told, _ = options_of(leaf)["teacher"].consume_value(context, {})
    assert told == ["a=./a", "b=./my b", r"c=C:\c d", "e=./e#1"]
    monkeypatch.setenv("AUDITOR_AUDIT_TEACHER", "'b=./my b")
    code, line = refused(capsys, "--store", "x")
    assert code == 2
    assert "quotation" in line


def test_a_variable_that_is_the_twin_of_nothing_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_AUDIT_STROE", "x")
    assert run(["audit", "../suspect.jsonl", "--dry-run"]) == 0
    assert "did you mean AUDITOR_AUDIT_STORE?" in capsys.readouterr().err


def test_errors_are_json_where_the_environment_asks_for_json(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_AUDIT_JSON", "1")
    assert run(["audit", "missing.jsonl"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "E-INPUT"


def test_a_plan_is_not_changed_by_a_file_that_lies_about(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "below" / "plan.yaml").write_text(
        dry_yaml(capsys, "--seed", "5", "--store", "../teachers")
    )
    (home / "auditor.toml").write_text('[audit]\nseed = 1\ndetectors = "overlap"\n')
    capsys.readouterr()
    assert run(["audit", "--plan", "plan.yaml", "--dry-run", "--json"]) == 0
    said = capsys.readouterr()
    assert "passed over" in said.err
    plan = json.loads(said.out)["plan"]
    assert plan["sampling"]["seed"] == 5
    assert "overlap" not in (plan["detectors"] or [])


def dry_yaml(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    capsys.readouterr()
    assert run(["audit", "../suspect.jsonl", "--dry-run", *flags]) == 0
    return capsys.readouterr().out


def test_a_long_value_hides_no_other_in_what_is_told_of_a_found_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "overlap," * 200
    (home / "auditor.toml").write_text(
        f'[audit]\nprobes = "{long}"\nseed = 7\ndetectors = "{long}"\n'
    )
    run(["audit", "../suspect.jsonl", "--dry-run"])
    (told,) = [one for one in capsys.readouterr().err.splitlines() if "reads none" in one]
    assert "--seed 7" in told
    assert "--detectors overlap" in told
    assert len(told) < 1000


def test_a_flag_for_a_form_wins_over_json_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Path(__file__).resolve().parents[2] / "golden" / "report-1-exact.json"
    monkeypatch.setenv("AUDITOR_REPORT_JSON", "1")
    assert run(["report", str(report)]) == 0
    assert capsys.readouterr().out.startswith("{")
    assert run(["report", str(report), "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# ")
    assert run(["report", str(report), "--format", "markdown", "--json"]) == 2


def test_help_is_printed_whatever_the_file_says(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text("[audit\n")
    assert run(["audit", "--help"]) == 0
    assert "--config FILE" in capsys.readouterr().out


def test_specs_keep_their_names_and_options_when_their_paths_are_moved(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    folder = home / "below"
    (folder / "m.gguf").write_bytes(b"GGUF")
    for metavar, value, here in (
        ("SPEC", "m.gguf", "below/m.gguf"),
        ("SPEC", "gguf:./m.gguf,threads=2", "gguf:./below/m.gguf,threads=2"),
        ("SPEC", "hf:org/name", "hf:org/name"),
        (
            "SPEC",
            "openai:x,base_url=http://localhost:1/v1",
            "openai:x,base_url=http://localhost:1/v1",
        ),
        ("NAME=SPEC", "a=m.gguf", "a=below/m.gguf"),
        ("NAME=SPEC", "a=gguf:m.gguf", "a=gguf:./below/m.gguf"),
        ("SPEC|DIR", ["m.gguf", "b=./c"], ["below/m.gguf", "b=below/c"]),
        ("A,B,C", "a=m.gguf,b=hf:org/x,dtype=float32", "a=below/m.gguf,b=hf:org/x,dtype=float32"),
        ("FILE", "none", "none"),
        ("SETS", "identity,mine.yaml", "identity,below/mine.yaml"),
        (None, "m.gguf", "m.gguf"),
    ):
        assert from_here(metavar, value, folder) == here


def test_an_option_of_a_group_is_refused_with_the_table_where_it_belongs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "auditor.toml").write_text("[store]\nseed = 1\n")
    assert run(["store", "list", "--store", "../teachers"]) == 2
    assert "[store.list]" in capsys.readouterr().err


def test_a_found_file_that_leads_elsewhere_or_is_a_strangers_is_refused(
    home: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "private.toml"
    elsewhere.write_text("[private]\nname = 1\n")
    (home / "auditor.toml").symlink_to(elsewhere)
    code, told = refused(capsys)
    assert code == 4
    assert "private" not in told.replace(str(elsewhere), "")
    (home / "auditor.toml").unlink()
    (home / "auditor.toml").write_text("[audit]\nseed = 1\n")
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(home / "auditor.toml", 12345, 12345)
    code, told = refused(capsys)
    assert code == 4
    assert "another user" in told
    assert dry(capsys, "--config", "../auditor.toml")["plan"]["sampling"]["seed"] == 1
