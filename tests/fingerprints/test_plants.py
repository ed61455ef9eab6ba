"""Sealed files: for their owner alone, bound by the notice, and quoted by nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fingerprints.errors import MalformedInput, VerificationFailed
from fingerprints.plants import (
    HABITS,
    WATERMARKS,
    GreenScheme,
    PlantNotice,
    SealedWatermark,
    check_commitment,
    new_key,
    new_salt,
)

SCHEME = GreenScheme(vocabulary=320, vocabulary_sha256="a" * 64, tokenizer_sha256="b" * 64)


def sealed(key: int | None = None) -> SealedWatermark:
    return SealedWatermark(
        scheme=SCHEME, key=key or new_key(), salt=new_salt(), created="2026-01-01T00:00:00Z"
    )


def notice(of: SealedWatermark) -> PlantNotice:
    return PlantNotice(
        kind="watermark",
        name="spring",
        teacher="teacher",
        commitment=of.digest(),
        created=of.created,
        watermark=of.scheme,
    )


def nothing(said: str) -> None:
    raise AssertionError(said)


def test_a_sealed_file_is_its_owners_alone_and_reads_back(tmp_path: Path) -> None:
    one = sealed()
    WATERMARKS.write(tmp_path / "s.json", one)
    if os.name == "posix":
        assert (tmp_path / "s.json").stat().st_mode & 0o777 == 0o600
    assert WATERMARKS.read(tmp_path / "s.json", nothing) == one


def test_it_is_never_written_over(tmp_path: Path) -> None:
    WATERMARKS.write(tmp_path / "s.json", sealed())
    before = (tmp_path / "s.json").read_bytes()
    with pytest.raises(MalformedInput, match="already"):
        WATERMARKS.write(tmp_path / "s.json", sealed())
    assert (tmp_path / "s.json").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_one_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    WATERMARKS.write(tmp_path / "s.json", sealed())
    (tmp_path / "s.json").chmod(0o644)
    heard: list[str] = []
    WATERMARKS.read(tmp_path / "s.json", heard.append)
    assert len(heard) == 1
    assert "chmod 600" in heard[0]


def test_the_notice_binds_to_what_was_drawn() -> None:
    one = sealed()
    check_commitment(notice(one), one)
    for other in (
        sealed(),
        one.model_copy(update={"salt": new_salt()}),
        one.model_copy(update={"scheme": SCHEME.model_copy(update={"bias": 1.0})}),
    ):
        with pytest.raises(VerificationFailed) as failed:
            check_commitment(notice(one), other)
        assert failed.value.exit_code == 8
        assert str(other.key) not in str(failed.value)


def test_a_notice_that_tells_another_scheme_fails_too() -> None:
    one = sealed()
    changed = {"watermark": SCHEME.model_copy(update={"share": 0.5})}
    with pytest.raises(VerificationFailed):
        check_commitment(notice(one).model_copy(update=changed), one)


def test_no_error_and_no_repr_quotes_the_key(tmp_path: Path) -> None:
    one = sealed(key=4_000_000_007)
    assert "4000000007" not in repr(one)
    assert one.salt not in repr(one)
    value = json.loads(one.model_dump_json())
    for damage in ({"key": 40_000_000_070_000}, {"key": "4000000007x"}, {"more": 4_000_000_007}):
        (tmp_path / "s.json").write_text(json.dumps({**value, **damage}))
        with pytest.raises(MalformedInput) as failed:
            WATERMARKS.read(tmp_path / "s.json", nothing)
        error: BaseException | None = failed.value
        while error is not None:
            assert "400000000" not in str(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_one_kind_is_not_read_as_the_other(tmp_path: Path) -> None:
    WATERMARKS.write(tmp_path / "s.json", sealed())
    with pytest.raises(MalformedInput, match="not the sealed file"):
        HABITS.read(tmp_path / "s.json", nothing)
    with pytest.raises(MalformedInput, match="No such file"):
        HABITS.read(tmp_path / "absent.json", nothing)


def test_keys_are_odd_and_have_32_bits() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(k % 2 == 1 and 2**31 <= k < 2**32 for k in keys)
