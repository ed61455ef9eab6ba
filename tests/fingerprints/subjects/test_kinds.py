"""One run over every kind of subject: what the table says of a kind is what its subjects are."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fingerprints.errors import UsageProblem
from fingerprints.probes import load_probe_set
from fingerprints.records import Identity, Request, Status
from fingerprints.sheets.forms import written
from fingerprints.sheets.sheet import sheet_of
from fingerprints.subjects import Subject, open_subject, parse_spec
from fingerprints.subjects.kinds import TABLE, kind_of, recognised, schemes
from fingerprints.subjects.spec import refuse_bad_spec
from fingerprints.transcript import Transcript
from fingerprints.weights import open_weights
from tests import fake_vllm
from tests.faultserver import FaultServer
from tests.fingerprints.recordings.recorded import ROW, write
from tests.fingerprints.sheets.test_sheets import as_table
from tests.fingerprints.subjects.asking import asks
from tests.fingerprints.subjects.test_apis import KEY, SERVICES
from tests.fingerprints.subjects.test_gguf import write_tiny_gguf
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.toy_plugin import install

KINDS = [*TABLE, "toy", "plain"]


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A spec of every kind, each of something that is really there."""
    folder = tmp_path_factory.mktemp("kinds")
    checkpoint, gguf = tiny_checkpoint(folder / "tiny"), write_tiny_gguf(folder / "tiny.gguf")
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.syspath_prepend(str(install(folder / "site")))
        patch.setitem(sys.modules, "vllm", fake_vllm)
        for service in SERVICES.values():
            patch.setenv(service.variable, KEY)
        asked = {
            name: service.at(stack.enter_context(FaultServer(service.behaviour())))
            for name, service in SERVICES.items()
            if name in TABLE
        }
        yield {
            **asked,
            "hf": f"hf:{checkpoint},dtype=float32",
            "vllm": f"vllm:{checkpoint},dtype=float32",
            "gguf": f"gguf:{gguf},dtype=float32",
            "sheet": f"sheet:{_sheet(folder)}",
            "recording": f"recording:{write(folder / 'said.jsonl', ROW)}",
            "toy": "toy:lamb,mood=calm",
            "plain": "plain:lamb,and=more, all of it",
        }


def _sheet(folder: Path) -> Path:
    printed, path = sheet_of([load_probe_set("identity").head(2)]), folder / "asked.csv"
    path.write_text(as_table(written(printed, "csv"), {1: "A lamb."}), encoding="utf-8")
    return path


@pytest.fixture(params=KINDS)
def spec(request: pytest.FixtureRequest, specs: dict[str, str]) -> str:
    return specs[request.param]


def test_a_spec_of_every_kind_reads_back_and_an_unknown_option_is_refused(spec: str) -> None:
    parsed = parse_spec(spec)
    assert parse_spec(str(parsed)) == parsed
    assert set(parsed.options) <= parsed.kind.options
    if not parsed.kind.whole:
        with pytest.raises(UsageProblem, match="unknown option"):
            parse_spec(f"{spec},no_such_option=1")


def test_a_subject_offers_what_its_kind_says_and_names_itself(spec: str) -> None:
    parsed = parse_spec(spec)
    with open_subject(spec) as subject:
        assert isinstance(subject, Subject)
        assert isinstance(subject.identity, Identity)
        assert parse_spec(subject.spec).scheme == parsed.scheme
        assert subject.offers >= parsed.kind.offers
        if parsed.kind.recorded:
            assert isinstance(subject.recorded(), Transcript)
        else:
            with pytest.raises(UsageProblem, match="not a recording"):
                subject.recorded()
        if "score" not in subject.offers:
            with pytest.raises(UsageProblem, match="no likelihoods"):
                subject.score(["a text"])


def test_every_request_gets_one_reply_by_its_own_key(spec: str) -> None:
    asked: list[Request] = asks(2, max_tokens=4)
    with open_subject(spec) as subject:
        said = list(subject.generate(asked))
    assert sorted(r.key for r in said) == sorted(r.key for r in asked)
    if not parse_spec(spec).kind.recorded:
        assert all(r.status is not Status.ERROR for r in said)


def test_weights_are_opened_where_they_are_in_sight_and_refused_elsewhere(spec: str) -> None:
    kind = parse_spec(spec).kind
    assert (kind.weights is not None) == ("weights" in kind.offers)
    if kind.weights is None:
        with pytest.raises(UsageProblem, match="out of sight"):
            open_weights(spec)
    else:
        with open_weights(spec) as view:
            assert view.tensors
            assert view.spec == spec


def test_a_size_is_told_from_files_and_not_where_there_are_none(spec: str) -> None:
    parsed = parse_spec(spec)
    size = parsed.kind.parameters(parsed)
    out_of_sight = parsed.kind.weights is None
    assert (size is None) == (out_of_sight and parsed.scheme != "toy")
    assert size is None or size > 1000


def test_a_good_spec_of_every_kind_passes_before_anything_is_loaded(spec: str) -> None:
    refuse_bad_spec(spec)


def test_a_path_alone_is_of_the_kind_that_recognises_it(
    specs: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "one.toy").write_text("x")
    assert recognised(tmp_path / "one.toy") == "toy"
    assert parse_spec(f"{tmp_path / 'one.toy'},mood=calm").options == {"mood": "calm"}
    for scheme in ("hf", "gguf", "recording", "sheet"):
        assert recognised(Path(parse_spec(specs[scheme]).target)) == scheme


def test_a_plug_in_never_takes_a_built_in_kinds_place(specs: dict[str, str]) -> None:
    assert kind_of("hf") is TABLE["hf"]
    assert schemes()[: len(TABLE)] == list(TABLE)


def test_a_bad_plug_in_is_one_sentence(specs: dict[str, str]) -> None:
    with pytest.raises(UsageProblem, match="can't be loaded"):
        parse_spec("gone:x")
    with pytest.raises(UsageProblem, match="returned no Subject"):
        open_subject("neither:x")
    with pytest.raises(UsageProblem, match="returned no Weights"):
        open_weights("heavy:x")
    assert parse_spec("toy:x").scheme == "toy"
