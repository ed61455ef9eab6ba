"""Subject specs: round trips, recognition of paths, one-line refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprints.errors import AuditError, MalformedInput, UnsafeInput, UsageProblem
from fingerprints.subjects.kinds import TABLE, SubjectSpec
from fingerprints.subjects.spec import parse_spec


@pytest.mark.parametrize(
    ("text", "scheme", "target", "options"),
    [
        (
            "hf:org/name,revision=main,dtype=bfloat16",
            "hf",
            "org/name",
            {"revision": "main", "dtype": "bfloat16"},
        ),
        ("hf:./base,adapter=./lora", "hf", "./base", {"adapter": "./lora"}),
        ("gguf:./m.gguf", "gguf", "./m.gguf", {}),
        (
            "openai:a/b:c,base_url=http://localhost:8000/v1",
            "openai",
            "a/b:c",
            {"base_url": "http://localhost:8000/v1"},
        ),
        ("recording:./a,b.jsonl,model=x", "recording", "./a,b.jsonl", {"model": "x"}),
    ],
)
def test_a_spec_is_scheme_target_and_options(
    text: str, scheme: str, target: str, options: dict[str, str]
) -> None:
    spec = parse_spec(text)
    assert (spec.scheme, spec.target, spec.options) == (scheme, target, options)
    assert parse_spec(str(spec)) == spec


def test_an_existing_path_alone_is_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for name, scheme in (("m.gguf", "gguf"), ("a.jsonl", "recording"), ("model", "hf")):
        path = tmp_path / name
        if not path.exists():
            path.write_text("x")
        assert parse_spec(str(path)).scheme == scheme
    assert parse_spec(f"{tmp_path / 'm.gguf'},dtype=float32").options == {"dtype": "float32"}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", UsageProblem, "empty"),
        ("ollama:x", UsageProblem, "unknown scheme"),
        ("hf:", UsageProblem, "names nothing"),
        ("hf:org/name,colour=red", UsageProblem, "unknown option"),
        ("./nowhere", MalformedInput, "no such file"),
        ("x\0y", UsageProblem, "empty"),
    ],
)
def test_a_bad_spec_is_one_line(text: str, error: type[AuditError], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_spec(text)


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "x.pkl", "x.ckpt", "x.npz"])
def test_pickles_are_refused_unread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UnsafeInput, match="never opened"):
        parse_spec(str(tmp_path / name))


def test_a_folder_without_a_config_and_a_strange_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match=r"no config\.json"):
        parse_spec(str(tmp_path))
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(UsageProblem, match="can't tell"):
        parse_spec(str(tmp_path / "notes.docx"))


@given(
    st.sampled_from(["hf", "openai"]),
    st.text("abc/.-_:=,", min_size=1).filter(
        # ``hf://`` is the address of a data set and no model's name.
        lambda t: "," not in t and not t.startswith("//")
    ),
    st.dictionaries(st.sampled_from(["revision", "dtype"]), st.text("abc123-", min_size=1)),
)
def test_any_spec_reads_back_as_itself(scheme: str, target: str, options: dict[str, str]) -> None:
    known = {k: v for k, v in options.items() if k in TABLE[scheme].options}
    spec = SubjectSpec(scheme, target, known)
    assert parse_spec(str(spec)) == spec
