"""Tokenizers as evidence: what is read is what the library says, and likeness has the values
that arithmetic gives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.labs.zoo.gguf_file import GgufFile, write_gguf
from auditor.labs.zoo.llama import read_llama
from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.weights import open_weights
from fingerprints.weights.card import declared_lineage, read_model_card
from fingerprints.weights.likeness import TokenizerEvidence, merge_agreement, tokenizer_likeness
from fingerprints.weights.tokenizer import LARGEST_FILE, read_tokenizer, tokenizer_of
from tests.fingerprints.subjects.tiny import CHATML, edit_json, tiny_checkpoint, tiny_tokenizer


def test_a_tokenizer_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    library = tiny_tokenizer()
    library.save_pretrained(tmp_path)
    read = read_tokenizer(tmp_path)
    assert read is not None
    assert read.vocabulary == library.get_vocab()
    assert read.template == CHATML
    assert {"<|im_start|>", "<|im_end|>"} <= read.special
    assert len(read.merges) == 320 - 256 - 3
    assert read_tokenizer(tmp_path / "nothing") is None


def test_the_older_pair_of_files_gives_the_same_tokenizer(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path / "a")
    whole = json.loads((tmp_path / "a" / "tokenizer.json").read_text("utf-8"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "vocab.json").write_text(json.dumps(whole["model"]["vocab"]), "utf-8")
    lines = [" ".join(m) if isinstance(m, list) else m for m in whole["model"]["merges"]]
    (tmp_path / "b" / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", "utf-8")
    one, other = read_tokenizer(tmp_path / "a"), read_tokenizer(tmp_path / "b")
    assert one is not None
    assert other is not None
    assert (one.vocabulary, one.merges) == (other.vocabulary, other.merges)


def test_a_gguf_file_carries_the_tokenizer_of_its_source(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    folder = tiny_checkpoint(tmp_path / "m")
    write_gguf(read_llama(folder), tmp_path / "m.gguf", folder, GgufFile(type="F16"))
    with open_weights(folder) as source, open_weights(tmp_path / "m.gguf") as weights:
        one, other = tokenizer_of(source), tokenizer_of(weights)
        assert one is not None
        assert other is not None
        assert (one.vocabulary, one.merges, one.template) == (
            other.vocabulary,
            other.merges,
            other.template,
        )
        assert other.special <= one.special
        assert one.digest() == other.digest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "no JSON object"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"model": {"vocab": {"a": 1.5}}}', "vocabulary is none"),
        ('{"model": {"vocab": {"a": 1}, "merges": ["a b c"]}}', "no merge of two"),
        ('{"model": {"vocab": {"a": 1}}, "added_tokens": [7]}', "added token"),
        ('{"model": {"vocab": {"a": 1, "a": 2}}}', "twice"),
    ],
)
def test_files_that_are_no_tokenizer_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text, "utf-8")
    with pytest.raises(MalformedInput, match=reason):
        read_tokenizer(tmp_path)


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "tokenizer.json").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(ResourceLimit):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\x00")
    with pytest.raises(MalformedInput, match="sentencepiece"):
        read_tokenizer(tmp_path)


def evidence(**changes: Any) -> TokenizerEvidence:
    merges = tuple((f"m{i}", "x") for i in range(10))
    words = {f"t{i}": i for i in range(100)}
    given: dict[str, Any] = {
        "vocabulary": words,
        "merges": merges,
        "special": frozenset({"<s>", "</s>"}),
    }
    return TokenizerEvidence(
        **{**given, "template": "{% for m in messages %}{{ m['content'] }}{% endfor %}", **changes}
    )


def test_likeness_is_one_for_equal_tokenizers_and_symmetric() -> None:
    same = tokenizer_likeness(evidence(), evidence())
    assert (same.vocabulary_jaccard, same.same_ids, same.merge_tau, same.special_jaccard) == (
        1,
        1,
        pytest.approx(1),
        1,
    )
    assert (same.template_equal, same.template_similarity) == (True, 1)
    other = evidence(
        vocabulary={f"t{i}": i + (i >= 80) for i in range(50, 150)}, template="{{ messages }}"
    )
    assert tokenizer_likeness(evidence(), other) == tokenizer_likeness(other, evidence())
    found = tokenizer_likeness(evidence(), other)
    assert (found.n_tokens, found.n_shared, found.vocabulary_jaccard, found.same_ids) == (
        150,
        50,
        pytest.approx(1 / 3),
        0.6,
    )
    assert found.template_similarity is not None
    assert found.template_similarity < 0.3


def test_merge_agreement_is_kendalls_tau_on_what_is_shared() -> None:
    merges = evidence().merges
    assert merge_agreement(merges, tuple(reversed(merges))) == (pytest.approx(-1), 10)
    assert merge_agreement(merges, (*merges[:4], ("q", "q"), merges[5], merges[4])) == (
        pytest.approx(13 / 15),
        6,
    )
    assert merge_agreement(merges, merges[:1]) == (None, 1)


def test_what_a_card_declares_is_read_and_never_trusted(tmp_path: Path) -> None:
    card = "---\nbase_model: [org/base, org/other]\nbase_model_relation: merge\nlicense: mit\ntags: [a, 7, b]\n---\n# Hi\n"
    (tmp_path / "README.md").write_text(card, "utf-8")
    said = read_model_card(tmp_path)
    assert (said.base_models, said.relation, said.licence, said.tags) == (
        ("org/base", "org/other"),
        "merge",
        "mit",
        ("a", "b"),
    )
    (tmp_path / "README.md").write_text("no front matter", "utf-8")
    assert read_model_card(tmp_path).base_models == ()


@pytest.mark.parametrize(
    "front",
    [
        "base_model: \x1b[31mred",
        "a: &a [*a]\nbase_model: *a",
        "x: !!python/object/apply:os.system ['true']",
        "? [a]\n: b",
        "- list",
        "d: 2024-99-99",
        "[" * 2000,
        "a: &a {b: 1}\nc: {<<: *a}",
        "b: " + "9" * 60_000,
        "x: " + "y" * 70_000,
    ],
)
def test_a_hostile_card_is_a_note_and_no_error(tmp_path: Path, front: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n", "utf-8")
    said = read_model_card(tmp_path)
    assert "\x1b" not in said.model_dump_json()


def test_the_config_and_the_card_beside_weights_are_told_together(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "m")
    edit_json(folder / "config.json", _name_or_path="org/somewhere")
    (folder / "README.md").write_text("---\nbase_model: org/base\n---\n", "utf-8")
    with open_weights(folder) as weights:
        said = declared_lineage(weights)
    assert (said.base_models, said.name_or_path) == (("org/base",), "org/somewhere")
