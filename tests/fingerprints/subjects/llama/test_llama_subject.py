"""A GGUF file by llama.cpp: reads the text that transformers would read, answers and scores as the
same weights do there, says who answered, and refuses what it can't run."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gguf")
pytest.importorskip("xllamacpp")

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    UsageProblem,
)
from fingerprints.records import Arm, Likelihoods, Probe, Reply, Request, Status
from fingerprints.scores import Passage
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.gguf_header import read_gguf_header
from fingerprints.subjects.llama import library, pace
from fingerprints.subjects.llama.engine import LoadedGguf
from fingerprints.subjects.llama.subject import GgufByLlama, token_bytes
from tests.fingerprints.subjects.test_gguf import write_tiny_gguf
from tests.fingerprints.subjects.tiny import CHATML, tiny_checkpoint

QUESTIONS = ("hi", "What is a bridge?", "谁开发了你？ 🐦", "one two three four five six seven", "")


def ask(**more: Any) -> list[Request]:
    """Every question in every arm, a completion, and a chat with a turn before it."""
    usual = {"max_tokens": 12, **more}
    probes = [Probe(id=f"q{i}", text=text) for i, text in enumerate(QUESTIONS) if text]
    probes.append(Probe(id="open", text="Once upon a time", form="completion"))
    return [
        Request(probe=probe, arm=arm, **usual)
        for probe in probes
        for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)
    ]


def by_key(replies: Iterator[Reply]) -> dict[tuple[str, str, int], Reply]:
    return {reply.key: reply for reply in replies}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def here(path: Path) -> Iterator[GgufByLlama]:
    """The file by llama.cpp."""
    with open_subject(f"gguf:{path},backend=llama.cpp") as subject:
        assert isinstance(subject, GgufByLlama)
        yield subject


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkpoint]:
    """The same weights by transformers."""
    folder = tiny_checkpoint(tmp_path_factory.mktemp("hf") / "tiny")
    with open_subject(f"hf:{folder},dtype=float32,device=cpu") as subject:
        assert isinstance(subject, Checkpoint)
        yield subject


def test_it_reads_the_text_and_the_tokens_that_transformers_would_read(
    here: GgufByLlama, there: Checkpoint
) -> None:
    for request in ask():
        text = there.speaker.chat.render(request)
        assert here.voice.chat.render(request) == text
        ids = here.voice.chat.encode(request, text)
        assert ids == there.speaker.chat.encode(request, text)
        assert here.voice.tokenizer.decode(ids, skip_special_tokens=False) == text


def test_greedy_answers_are_those_of_the_same_weights_under_transformers(
    here: GgufByLlama, there: Checkpoint
) -> None:
    ours, theirs = by_key(here.generate(ask())), by_key(there.generate(ask()))
    assert ours.keys() == theirs.keys()
    for key, reply in theirs.items():
        told = ours[key]
        assert (told.text, told.prompt, told.status) == (reply.text, reply.prompt, reply.status)
        assert (told.tokens_in, told.tokens_out) == (reply.tokens_in, reply.tokens_out)


def test_likelihoods_are_those_of_the_same_weights(here: GgufByLlama, there: Checkpoint) -> None:
    texts = ["A bridge over a river.", "谁开发了你？", "x", ""]
    contexts = ["Tell me: ", "", "Once", "y"]
    for ours, theirs in zip(here.score(texts, contexts), there.score(texts, contexts), strict=True):
        assert (ours.text_sha256, ours.tokens) == (theirs.text_sha256, theirs.tokens)
        assert np.allclose(
            ours.token_bits, theirs.token_bits, rtol=2e-3
        )  # keys and values are kept in 16 bits


def test_passages_behind_a_question_are_scored_through_the_template(
    here: GgufByLlama, there: Checkpoint
) -> None:
    probe = Probe(id="q", text="Who are you?")
    passages = [
        Passage(text="I am a bridge.", probe=probe, arm=Arm.NEUTRAL, lead="Well, "),
        Passage(text="A long text " * 400, probe=probe, arm=Arm.OWN),
    ]
    ours, theirs = here.score_passages(passages), there.score_passages(passages)
    (mine, _), (same, _) = ours, theirs
    assert isinstance(mine, Likelihoods)
    assert isinstance(same, Likelihoods)
    assert mine.bits == pytest.approx(same.bits, abs=0.02)
    assert ours[1] == theirs[1]
    assert "above the model's" in str(ours[1])


@pytest.mark.parametrize("options", [",batch=1", ",batch=3", ",batch=32"])
def test_answers_don_t_depend_on_what_stands_beside_them(
    options: str, path: Path, here: GgufByLlama
) -> None:
    asked = [*ask(), *ask(temperature=0.9, top_p=0.8, seed=5)]
    usual = by_key(here.generate(asked[: len(ask())])), by_key(here.generate(asked[len(ask()) :]))
    with open_subject(f"gguf:{path},backend=llama.cpp{options}") as other:
        greedy = by_key(other.generate(asked[: len(ask())]))
        drawn = by_key(other.generate(asked[len(ask()) :]))
    assert {k: r.text for k, r in greedy.items()} == {k: r.text for k, r in usual[0].items()}
    assert {k: r.text for k, r in drawn.items()} == {k: r.text for k, r in usual[1].items()}
    assert {k: r.text for k, r in drawn.items()} != {k: r.text for k, r in greedy.items()}


def test_draws_follow_the_model_s_own_probabilities(here: GgufByLlama) -> None:
    """400 first tokens at temperature 1 against the probabilities that `score` gives them."""
    probe = Probe(id="open", text="Once upon a time", form="completion")
    asked = [
        Request(probe=probe, arm=Arm.OWN, max_tokens=1, temperature=1.0, sample=i)
        for i in range(400)
    ]
    texts = [r.text for r in here.generate(asked)]
    one = [
        t for t in texts if len(here.voice.tokenizer(t, add_special_tokens=False).input_ids) == 1
    ]
    common = max({t for t in one if "\ufffd" not in t}, key=one.count)
    likely = 2.0 ** -here.score([common], ["Once upon a time"])[0].bits
    expected = 400 * likely
    assert abs(texts.count(common) - expected) < 5 * np.sqrt(expected) + 3


def test_the_identity_says_who_answered_in_which_precision(
    here: GgufByLlama, there: Checkpoint, path: Path
) -> None:
    who = here.identity
    assert who.backend == library.backend_name()
    assert who.backend.startswith("llama.cpp (xllamacpp ")
    assert (who.kind, who.quantisation, who.dtype, who.device) == ("gguf", "F32", "", "cpu")
    assert who.template_sha256 == there.identity.template_sha256
    assert "nor what transformers makes of the dequantised file" in who.notes[0]
    assert here.offers == {"generate", "score", "weights"}


def test_a_prompt_without_room_is_skipped_and_the_rest_is_answered(here: GgufByLlama) -> None:
    long = Request(probe=Probe(id="long", text="word " * 4000), arm=Arm.OWN, max_tokens=4)
    replies = by_key(here.generate([*ask(), long]))
    assert replies["long", "own", 0].status is Status.SKIPPED_CONTEXT
    assert len(replies) == len(ask()) + 1


def test_it_runs_where_torch_is_absent(path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fingerprints.subjects import open_subject\n"
        "from fingerprints.records import Arm, Likelihoods, Probe, Request\n"
        f"s = open_subject({f'gguf:{path},backend=llama.cpp'!r})\n"
        "ask = Request(probe=Probe(id='p', text='hi'), arm=Arm.OWN, max_tokens=3)\n"
        "print([r.status.value for r in s.generate([ask])], s.score(['text'])[0].tokens > 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("backend=ollama", "unknown backend"),
        ("backend=llama.cpp,dtype=float32", "dtype means nothing to llama.cpp"),
        ("backend=llama.cpp,adapter=./lora", "adapter means nothing to llama.cpp"),
        ("backend=llama.cpp,thinking=5", "thinking means nothing to llama.cpp"),
        ("backend=llama.cpp,template=odd", "unknown template"),
        ("backend=llama.cpp,batch=0", "not a batch size"),
        ("backend=llama.cpp,threads=x", "not a number of threads"),
    ],
)
def test_an_option_that_means_nothing_is_refused(path: Path, options: str, said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        open_subject(f"gguf:{path},{options}")


def test_what_can_t_be_opened_is_freed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    freed = []
    close = LoadedGguf.close

    def closing(model: LoadedGguf) -> None:
        freed.append(model.path)
        close(model)

    monkeypatch.setattr(LoadedGguf, "close", closing)
    with pytest.raises(UsageProblem):
        open_subject(f"gguf:{path},backend=llama.cpp,threads=x")
    assert freed == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_file_whose_name_is_no_utf8_is_loaded(path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "caf\udce9.gguf"
    odd.write_bytes(path.read_bytes())
    with LoadedGguf(odd) as model:
        assert model.words > 0


def test_a_missing_or_another_build_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.library.cache_clear()
    monkeypatch.setattr(library, "_installed", lambda: "1.2.3")
    with pytest.raises(UsageProblem, match=r"xllamacpp 1\.2\.3 is installed"):
        open_subject(f"gguf:{path},backend=llama.cpp")
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageProblem, match=r"distillation-auditor\[llama\]"):
        open_subject(f"gguf:{path},backend=llama.cpp")
    library.library.cache_clear()


def test_a_library_that_is_laid_out_otherwise_is_refused_and_never_misread() -> None:
    class Shifted:
        """The defaults of a build with one more field at the front."""

        def llama_context_default_params(self) -> library.ContextSettings:
            true = library.library().llama_context_default_params()
            data = b"\0\0\0\0" + bytes(true)[:-4]
            return library.ContextSettings.from_buffer_copy(data)

        def llama_model_default_params(self) -> library.ModelSettings:
            made: library.ModelSettings = library.library().llama_model_default_params()
            return made

    with pytest.raises(UsageProblem, match="another way"):
        library.check_layout(Shifted())
    library.check_layout(library.library())


def edited(path: Path, out: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert data.count(old) >= 1
    assert len(old) == len(new)
    out.write_bytes(data.replace(old, new, 1))
    return out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"general.architecture\x08\0\0\0\x05\0\0\0\0\0\0\0llama", None),
        (b"output_norm.weight", b"\x1b[31mx_norm.weight"),
        (b"blk.0.attn_q.weight", b"blk.0.attn_x.weight"),
        (b"llama.block_count\x04\0\0\0", b"llama.block_count\x05\0\0\0"),
    ],
)
def test_hostile_metadata_is_one_clear_line(
    path: Path, tmp_path: Path, old: bytes, new: bytes | None
) -> None:
    new = old.replace(b"llama", b"\x1b]8;;") if new is None else new
    made = edited(path, tmp_path / "bad.gguf", old, new)
    with pytest.raises(AuditError) as caught:
        open_subject(f"gguf:{made},backend=llama.cpp")
    assert isinstance(caught.value, MalformedInput | UnsafeInput | ResourceLimit)
    line = caught.value.line()
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_layer_count_beyond_reason_is_one_clear_line(path: Path, tmp_path: Path) -> None:
    key = b"llama.block_count\x04\0\0\0"
    at = path.read_bytes().index(key) + len(key)
    data = bytearray(path.read_bytes())
    data[at : at + 4] = struct.pack("<I", 4_000_000_000)
    made = tmp_path / "deep.gguf"
    made.write_bytes(data)
    with pytest.raises(MalformedInput, match="more layers than tensors"):
        open_subject(f"gguf:{made},backend=llama.cpp")


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ ''.__class__.__mro__ }}" + CHATML, None),
        ("{% for i in range(10**9) %}x{% endfor %}", ResourceLimit),
        ("{{ raise_exception('no') }}", MalformedInput),
    ],
)
def test_a_stranger_s_template_is_tried_in_the_child(
    tmp_path: Path, template: str, error: type[AuditError] | None
) -> None:
    made = write_tiny_gguf(tmp_path / "odd.gguf", template)
    with pytest.raises(error or AuditError):
        open_subject(f"gguf:{made},backend=llama.cpp")


def test_the_memory_of_a_token_follows_from_the_header(path: Path) -> None:
    header = read_gguf_header(path)
    config = json.loads(json.dumps({k: v for k, v in header.metadata.items() if "llama." in k}))
    layers, kv = config["llama.block_count"], config["llama.attention.head_count_kv"]
    width = config["llama.embedding_length"] // config["llama.attention.head_count"]
    assert token_bytes(header) == layers * kv * width * 4


def test_threads_are_those_that_read_fastest(
    here: GgufByLlama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(pace, "cores", lambda: 8)
    pace._known.clear()
    times = {1: 1.0, 2: 0.55, 4: 0.52, 8: 0.4}
    monkeypatch.setattr(pace, "_seconds", lambda model, threads: times[threads])
    assert pace.fastest_threads(here.voice.model, {}) == 2
    assert pace.candidates(6) == [2, 4, 6]
    assert pace.candidates(1) == []
    assert pace.fastest_threads(here.voice.model, {"threads": "3"}) == 3
    pace._known.clear()
