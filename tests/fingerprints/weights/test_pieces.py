"""Vocabularies that lie alone are read as their own library reads them; hostile bytes end in one
line."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.lineage.run import lineages
from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.weights.pieces import BYTES, LARGEST_MODEL, is_ranked
from fingerprints.weights.tokenizer import read_tokenizer
from tests.auditor.audits.lineage.relatives import DISGUISE, base, copied
from tests.fingerprints.subjects.tiny import tiny_tokenizer


def trained(path: Path) -> Path:
    """A sentencepiece model, trained by its library on a few sentences."""
    sentencepiece = pytest.importorskip("sentencepiece")
    kept = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"word{i} and other words {i * 7}" for i in range(300)]),
        model_writer=kept,
        model_type="bpe",
        vocab_size=320,
        byte_fallback=True,
        user_defined_symbols=["<one>"],
        minloglevel=2,
    )
    path.write_bytes(kept.getvalue())
    return path


def test_a_sentencepiece_model_alone_has_the_pieces_that_its_library_tells(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    path = trained(tmp_path / "tokenizer.model")
    (tmp_path / "added_tokens.json").write_text('{"<more>": 320}', "utf-8")
    read = read_tokenizer(tmp_path)
    assert read is not None
    library = sentencepiece.SentencePieceProcessor(model_file=str(path))
    known = {library.id_to_piece(i): i for i in range(library.get_piece_size())}
    assert read.vocabulary == {**known, "<more>": 320}
    assert {"<unk>", "<s>", "</s>", "<one>", "<more>"} == read.special


@pytest.mark.parametrize(
    "data",
    [b"", b"\x0a\x00", b"\xff" * 60, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x04\x0a\x02\xff\xfe"],
)
def test_bytes_that_are_no_model_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    pytest.importorskip("sentencepiece")
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(MalformedInput, match="no sentencepiece model") as error:
        read_tokenizer(tmp_path)
    assert "\n" not in error.value.line()


def test_a_cut_model_is_refused_and_a_large_one_left_unread(tmp_path: Path) -> None:
    path = trained(tmp_path / "tokenizer.model")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(MalformedInput, match="no sentencepiece model"):
        read_tokenizer(tmp_path)
    path.write_bytes(b"\x0a\x00" * (LARGEST_MODEL // 2 + 1))
    with pytest.raises(ResourceLimit):
        read_tokenizer(tmp_path)


def test_without_the_package_the_line_names_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\x03\x0a\x01a")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MalformedInput, match="takes the package 'sentencepiece'") as error:
        read_tokenizer(tmp_path)
    assert "sentencepiece" in str(error.value.next_step)


@pytest.mark.parametrize("name", ["qwen.tiktoken", "tokenizer.model"])
def test_a_list_of_ranked_bytes_has_the_tokens_of_the_byte_level_tokenizer(
    tmp_path: Path, name: str
) -> None:
    library = tiny_tokenizer().get_vocab()
    back = {chr(letter): byte for byte, letter in BYTES.items()}
    plain = {t: i for t, i in library.items() if all(c in back for c in t) and "<|" not in t}
    assert len(plain) > 300
    lines = [
        base64.b64encode(bytes(back[c] for c in token)) + f" {i}".encode()
        for token, i in plain.items()
    ]
    (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
    read = read_tokenizer(tmp_path)
    assert read is not None
    assert read.vocabulary == plain


def test_broken_and_several_lists_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tiktoken").write_bytes(b"YQ== 0\nnot a line at all\n")
    with pytest.raises(MalformedInput, match="no base64 with a rank"):
        read_tokenizer(tmp_path)
    (tmp_path / "b.tiktoken").write_bytes(b"YQ== 0\n")
    with pytest.raises(MalformedInput, match="several lists"):
        read_tokenizer(tmp_path)
    assert not is_ranked(b"a b c")
    assert not is_ranked(b"")


def test_a_disguised_copy_is_found_by_tokens_that_a_sentencepiece_model_tells(
    tmp_path: Path,
) -> None:
    pytest.importorskip("sentencepiece")
    from sentencepiece import sentencepiece_model_pb2

    parent = base(tmp_path / "base")
    copy = copied(parent, tmp_path / "copy", *DISGUISE)
    words = sorted(tiny_tokenizer().get_vocab().items(), key=lambda item: item[1])
    generated: Any = sentencepiece_model_pb2
    model = generated.ModelProto()
    for text, _ in words:
        model.pieces.add(piece=text, score=0.0)
    for folder in (parent, copy):
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer.model").write_bytes(model.SerializeToString())
    (found,) = lineages(str(copy), [str(parent)], digest=False).judged
    assert found.told.relation == "derived"
    assert found.found is not None
    assert found.found.basis.known
