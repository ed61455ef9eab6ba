"""What tokens spell, where two tokenizations meet, and what two vocabularies can both name: by
hand."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from auditor.controls.training.align import Piece, Reader, align, begins, byte_alphabet, spell
from auditor.controls.training.batches import encode
from auditor.controls.training.cells import (
    FLOOR,
    Cells,
    TokenSide,
    pooled,
    share_out,
    shared_mass,
    top_cells,
)
from auditor.controls.training.losses import log_distribution, outcomes
from auditor.controls.training.students import byte_tokenizer
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.subjects.template import open_chat
from tests.auditor.controls.lessons import Said
from tests.fingerprints.subjects.tiny import tiny_tokenizer

MERGES = [("▁", "H"), ("▁H", "e")]


def sentencepiece() -> PreTrainedTokenizerFast:
    """A vocabulary as Llama 2 has it: ▁ for a space, one put in front of every text, bytes as
    the fallback."""
    words = ["▁", "▁H", "▁He", "y", "e", "H"]
    vocabulary = {
        token: n for n, token in enumerate(["<unk>", *(f"<0x{b:02X}>" for b in range(256)), *words])
    }
    raw = Tokenizer(
        models.BPE(vocab=vocabulary, merges=MERGES, byte_fallback=True, unk_token="<unk>")
    )
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    raw.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>")  # type: ignore[no-untyped-call]


def bytes_of(tokenizer: Any, text: str) -> list[Piece]:
    pieces = spell(tokenizer, "test")
    return [pieces[i] for i in tokenizer(text, add_special_tokens=False).input_ids]


@pytest.mark.parametrize(
    "text", ["Dear friend,\n\tnaïve 東京 🙂 it's 12.", "<|im_end|> is a word here"]
)
@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), tiny_tokenizer()], ids=["bytes", "bpe"])
def test_the_bytes_of_the_tokens_are_the_text(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    pieces = spell(tokenizer, "test")
    assert b"".join(p for p in (pieces[i] for i in ids) if isinstance(p, bytes)) == text.encode()
    assert begins(ids, pieces, text) is not None


def test_control_tokens_spell_nothing() -> None:
    pieces = spell(byte_tokenizer(), "test")
    assert pieces[:3] == ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    assert sorted(p for p in pieces[3:] if isinstance(p, bytes)) == [bytes([b]) for b in range(256)]


def test_the_byte_alphabet_names_every_byte_once() -> None:
    assert sorted(byte_alphabet().values()) == list(range(256))
    assert (byte_alphabet()["Ġ"], byte_alphabet()["A"]) == (32, 65)


def test_a_sentencepiece_vocabulary_spells_its_spaces_and_its_fallback_bytes() -> None:
    assert (
        b"".join(p for p in bytes_of(sentencepiece(), "é y") if isinstance(p, bytes))
        == b" \xc3\xa9 y"
    )
    ids = sentencepiece()("yé", add_special_tokens=False).input_ids
    assert begins(ids, spell(sentencepiece(), "test"), "yé") == [-1, 0, 1, 2]


def test_a_tokenizer_whose_tokens_spell_no_text_is_refused_in_one_line() -> None:
    raw = Tokenizer(models.WordPiece(vocab={"a": 0, "##b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    raw.decoder = decoders.WordPiece()
    with pytest.raises(UsageProblem, match="cross_tokenizer") as caught:
        spell(PreTrainedTokenizerFast(tokenizer_object=raw), "hf:x")  # type: ignore[no-untyped-call]
    assert "\n" not in caught.value.line()
    assert "hf:x" in caught.value.line()


def test_tokens_begin_where_the_ones_before_them_end_and_what_stands_before_the_answer_is_below_zero() -> (
    None
):
    pieces: list[Piece] = [b" He", b"y", b" you", b"<end>", "<s>", None]
    assert begins([0, 1, 2], pieces, "Hey you") == [-1, 2, 3]
    assert begins([0, 1, 2], pieces, "y you") == [-3, 0, 1]
    assert begins([0, 1], pieces, "Hey you") is None
    assert begins([0, 4, 1], pieces, "Hey") is None
    assert begins([1, 99], pieces, "y") is None


# Alignment of whole answers.


def reader(tokenizer: Any, longest: int | None = None) -> Reader:
    return Reader(open_chat(tokenizer, None), spell(tokenizer, "test"), longest)


def test_every_token_of_a_tokenizer_is_aligned_with_itself() -> None:
    said = Said("a", "Who?", "the quick brown fox")
    found = align([said], reader(tiny_tokenizer()), reader(tiny_tokenizer()), "t")
    whole = encode(said, open_chat(tiny_tokenizer(), None), traces=False)
    assert found.pairs[0] == tuple((n, n) for n in range(len(whole.ids) - whole.taught))
    assert found.teacher == (whole,)


def test_a_byte_reader_meets_a_word_reader_where_words_begin_and_where_the_answer_ends() -> None:
    words, answer = tiny_tokenizer(), "the quick é"
    found = align([Said("a", "Who?", answer)], reader(byte_tokenizer()), reader(words), "t")
    pieces = [p for p in bytes_of(words, answer) if isinstance(p, bytes)]
    starts = [sum(map(len, pieces[:n])) for n in range(len(pieces) + 1)]
    assert len(pieces) < len(answer.encode()), (
        "some tokens are longer than a byte, or this tests nothing"
    )
    assert found.pairs[0] == tuple((place, n) for n, place in enumerate(starts))
    back = align([Said("a", "Who?", answer)], reader(words), reader(byte_tokenizer()), "t")
    assert back.pairs[0] == tuple((n, place) for n, place in enumerate(starts))


def test_a_token_that_holds_the_space_before_the_answer_begins_at_no_common_place() -> None:
    """`▁He|y` against `H|e|y`, each learned whole: they meet at the y and at the end."""
    found = align([Said("a", "", "Hey")], reader(byte_tokenizer()), reader(sentencepiece()), "t")
    # The byte reader learns H, e, y and the end; the other is given ▁He, which nothing stands
    # before, and learns the rest.
    assert found.pairs == (((2, 0), (3, 1)),)


def test_an_answer_that_is_cut_is_aligned_as_far_as_it_goes() -> None:
    said = Said("a", "Who?", "the quick brown fox")
    whole = align([said], reader(byte_tokenizer()), reader(tiny_tokenizer()), "t")
    prompt = encode(said, open_chat(byte_tokenizer(), None), traces=False).taught
    cut = align([said], reader(byte_tokenizer(), prompt + 6), reader(tiny_tokenizer()), "t")
    assert cut.pairs[0] == tuple(p for p in whole.pairs[0] if p[0] < 6)


def test_an_answer_that_a_tokenizer_changes_is_counted_and_left_out() -> None:
    lowering = tiny_tokenizer()
    lowering.backend_tokenizer.normalizer = normalizers.Lowercase()
    both = [Said("a", "Who?", "The Fox"), Said("b", "Who?", "the fox")]
    found = align(both, reader(byte_tokenizer()), reader(lowering), "t")
    assert found.unspelled == 1
    assert found.pairs[0] == ()
    assert found.pairs[1]
    with pytest.raises(MalformedInput, match="in none of 1 answers") as caught:
        align(both[:1], reader(byte_tokenizer()), reader(lowering), "hf:x")
    assert "\n" not in caught.value.line()


# Cells.

WORDS: tuple[Piece, ...] = (b"a", b"b", b"ab", b"ac", "<end>", "<image>")
BYTES: tuple[Piece, ...] = ("<eos>", b"a", b"b", b"c")


class Cutter:
    """A tokenizer of single bytes over `BYTES`, or of whole entries."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self.single = {p: n for n, p in enumerate(pieces) if isinstance(p, bytes) and len(p) == 1}

    def __call__(self, texts: list[str], **_: object) -> Any:
        return SimpleNamespace(
            input_ids=[
                [self.single.get(bytes([b]), 10**6) for b in text.encode()] for text in texts
            ]
        )


def voice(pieces: tuple[Piece, ...], end: int, scored: int | None = None) -> TokenSide:
    return TokenSide(pieces, end, Cutter(pieces), scored or len(pieces))


def test_tokens_that_only_one_has_count_as_what_they_begin_with() -> None:
    cells = share_out(voice(WORDS, 4), voice(BYTES, 0, scored=6))
    # Shared: a, b and the end of the answer, in this order; ab and ac begin with a; <image>, c and
    # padding share nothing.
    assert cells.count == 4
    assert cells.teacher.tolist() == [1, 2, 1, 1, 3, 0]
    assert cells.student.tolist() == [3, 1, 2, 0, 0, 0]


def test_equal_vocabularies_have_one_cell_a_token() -> None:
    cells = share_out(voice(WORDS, 4), voice(WORDS, 4))
    assert cells.teacher.tolist() == cells.student.tolist()
    assert sorted(cells.teacher.tolist()) == [1, 2, 3, 4, 5, 6]


def test_a_token_counts_as_what_the_other_tokenizer_begins_it_with() -> None:
    """` Dear` is written ` D`, `ear` by the other, though it also has ` De`."""
    theirs: tuple[Piece, ...] = (b" Dear", b" D", b" De", b"x", "<e>")
    ours: tuple[Piece, ...] = (b" D", b" De", b"ear", b"x", "<e>")

    class Splits(Cutter):
        def __call__(self, texts: list[str], **_: object) -> Any:
            return SimpleNamespace(input_ids=[[0, 2] if text == " Dear" else [3] for text in texts])

    student = TokenSide(ours, 4, Splits(ours), 5)
    cells = share_out(voice(theirs, 4), student)
    assert cells.teacher[0] == cells.teacher[1] == cells.student[0]
    assert cells.teacher[2] == cells.student[1] != cells.teacher[0]


def test_real_tokenizers_share_out_every_token_that_spells_something() -> None:
    one, other = tiny_tokenizer(), byte_tokenizer()
    cells = share_out(
        TokenSide(spell(one, "t"), 2, one, 320), TokenSide(spell(other, "t"), 2, other, 259)
    )
    pieces = spell(one, "t")
    for number, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            byte = int((cells.student == cells.teacher[number]).nonzero()[0, 0])
            assert spell(other, "t")[byte] == piece[:1], (
                "with a reader of bytes every cell is a byte"
            )
    assert (cells.student > 0).all()


def scores(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(
        *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32
    )


def test_a_cell_has_the_chances_of_its_tokens_together() -> None:
    """¼ a, ⅛ b, ½ ab, ⅛ ac over cells {b, …}: {none: ⅛ b, 1: ¼ + ½, 2: ⅛}."""
    logits = torch.tensor([[0.25, 0.125, 0.5, 0.125]]).log() + 7
    logs = pooled(logits, torch.tensor([1, 0, 1, 2]), 4, 1.0)
    assert torch.allclose(logs[0, :3].exp(), torch.tensor([0.125, 0.75, 0.125]))
    assert float(logs[0, 3]) == FLOOR
    assert float(shared_mass(logs)[0]) == pytest.approx(0.875)


def test_equal_cells_leave_a_distribution_as_it_is_however_small_its_chances() -> None:
    logits = torch.tensor([[0.0, -200.0, 3.0]])
    logs = pooled(logits, torch.tensor([2, 1, 3]), 4, 2.0)
    assert torch.allclose(logs[0, [2, 1, 3]], log_distribution(logits, 2.0)[0])


def test_the_gradient_of_pooling_equals_finite_differences() -> None:
    cells, weight = torch.tensor([1, 0, 1, 2, 2]), scores(3, 4, seed=4)
    point = scores(3, 5).requires_grad_()
    (slope,) = torch.autograd.grad((pooled(point, cells, 4, 1.5) * weight).sum(), point)
    for place in [(0, 0), (1, 2), (2, 4), (0, 1)]:
        step = torch.zeros(3, 5)
        step[place] = 1e-2
        above, below = (
            float((pooled((point + s * step).detach(), cells, 4, 1.5) * weight).sum())
            for s in (1, -1)
        )
        assert float(slope[place]) == pytest.approx((above - below) / 2e-2, abs=5e-3)


@pytest.mark.parametrize("k", [1, 2, None, 99])
def test_the_named_cells_and_the_rest_are_everything(k: int | None) -> None:
    logs = pooled(scores(6, 5), torch.tensor([1, 0, 1, 2, 3]), 4, 1.0)
    top = top_cells(logs, k)
    assert torch.allclose(outcomes(top).exp().sum(-1), torch.ones(6))
    assert (top.tokens > 0).all(), "what can't be named is never one of the likeliest"
    assert top.tokens.shape[1] == min(k or 3, 3)


def test_the_digest_of_cells_tells_them_apart() -> None:
    one = Cells(torch.tensor([1]), torch.tensor([1]), 2)
    assert one.digest() != Cells(torch.tensor([0]), torch.tensor([1]), 2).digest()
    assert math.isfinite(FLOOR)


def test_pre_tokenizers_do_not_matter_to_what_tokens_spell(tmp_path: Path) -> None:
    """A tokenizer saved and opened again spells the same, whatever it does before cutting."""
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.save_pretrained(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert spell(again, "t") == spell(tokenizer, "t")
