"""Recorded answers: every form read alike, and told apart by prompt, arm and sample."""

from __future__ import annotations

import cProfile
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.collect import collect
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.probes import load_probe_set
from fingerprints.recordings.reading import AnswerReader
from fingerprints.recordings.recording import CLAIMED
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Probe, Request, Sampling, Status
from fingerprints.transcript import load_transcript
from tests.fingerprints.recordings.recorded import (
    ROW,
    answers,
    archive,
    inspect_sample,
    opened,
    write,
)


@pytest.mark.parametrize("asked", ["prompt", "instruction", "question", "input"])
@pytest.mark.parametrize(
    "answered", ["answer", "output", "response", "completion", "generation", "text"]
)
def test_a_row_is_read_under_any_usual_name_of_prompt_and_answer(
    tmp_path: Path, asked: str, answered: str
) -> None:
    path = write(tmp_path / "a.jsonl", {asked: "Q?", answered: "A."})
    assert answers(path) == [("Q?", "A.")]


def test_an_instruction_and_its_input_are_one_prompt(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"instruction": "Translate.", "input": "chat", "output": "cat"}
    )
    assert answers(path) == [("Translate.\n\nchat", "cat")]


def test_a_list_of_model_outputs_names_its_generator(tmp_path: Path) -> None:
    path = tmp_path / "model_outputs.json"
    path.write_text(
        json.dumps(
            [
                {"instruction": f"Q{i}", "output": "A", "generator": "lamb", "dataset": "d"}
                for i in range(3)
            ]
        )
    )
    subject = opened(path)
    assert subject.identity.name == "lamb"
    assert len(subject.recorded().replies) == 3


@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_is_the_same_printed_over_one_line_or_many(
    tmp_path: Path, indent: int | None
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROW, {**ROW, "prompt": "Why?"}], indent=indent))
    assert len(answers(path)) == 2


def test_every_assistant_turn_is_an_answer_and_the_turns_before_it_are_its_history(
    tmp_path: Path,
) -> None:
    turns = [
        {"role": "system", "content": "Be a sheep."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Baa"},
        {"role": "user", "content": [{"type": "text", "text": "Who are you?"}]},
        {"role": "assistant", "content": "A sheep."},
    ]
    transcript = opened(write(tmp_path / "a.jsonl", {"messages": turns})).recorded()
    told = {r.text: transcript.probes[r.probe_id] for r in transcript.replies}
    assert set(told) == {"Baa", "A sheep."}
    assert [m.role for m in told["Baa"].history] == ["system"]
    assert [m.role for m in told["A sheep."].history] == ["system", "user", "assistant"]
    assert told["A sheep."].text == "Who are you?"
    assert all(r.arm is Arm.RECORDED for r in transcript.replies)


def test_a_batch_output_gives_one_sample_for_each_choice(tmp_path: Path) -> None:
    body = {
        "model": "lamb",
        "choices": [
            {"message": {"content": c}, "finish_reason": r}
            for c, r in [("A", "stop"), ("B", "length")]
        ],
    }
    path = write(
        tmp_path / "a.jsonl", {"prompt": "Q", "response": {"status_code": 200, "body": body}}
    )
    replies = opened(path).recorded().replies
    assert [(r.sample, r.text, r.status) for r in replies] == [
        (0, "A", Status.OK),
        (1, "B", Status.TRUNCATED),
    ]


def test_a_request_beside_its_response_gives_the_prompt(tmp_path: Path) -> None:
    request = {"body": {"model": "asked-for", "messages": [{"role": "user", "content": "Q"}]}}
    response = {"model": "lamb-2", "choices": [{"message": {"content": "A"}}]}
    path = write(tmp_path / "a.jsonl", {"custom_id": "7", "request": request, "response": response})
    assert answers(path) == [("Q", "A")]


def test_an_inspect_log_is_read_and_a_sample_without_an_answer_is_counted_as_an_error(
    tmp_path: Path,
) -> None:
    failed = {"id": 9, "input": "Q9", "output": {"choices": []}}
    log = {
        "version": 2,
        "eval": {"model": "openai/lamb"},
        "samples": [inspect_sample(1), inspect_sample(1, 2, "B"), failed],
    }
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log, indent=2).replace('"C"', "NaN"))
    transcript = opened(path).recorded()
    assert transcript.identity.name == "openai/lamb"
    assert transcript.counts() == {"ok": 2, "error": 1}
    assert sorted((r.sample, r.text) for r in transcript.replies if r.readable) == [
        (0, "A"),
        (1, "B"),
    ]


def test_texts_that_an_inspect_log_moved_to_its_attachments_are_put_back(tmp_path: Path) -> None:
    sample = {**inspect_sample(1, answer="attachment://ab"), "attachments": {"ab": "long text"}}
    path = write(tmp_path / "log.json", {"eval": {"model": "m"}, "samples": [sample]})
    assert answers(path) == [("Q1", "long text")]


def test_an_eval_archive_is_read_and_its_names_never_become_paths(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = ["samples/../../escaped.json", "samples//etc/x.json", "samples/1_epoch_1.json"]
    members = {name: json.dumps(inspect_sample(i)).encode() for i, name in enumerate(names)}
    path = archive(
        folder / "x.eval",
        {**members, "header.json": b'{"eval": {"model": "m"}}', "../../evil": b"x"},
    )
    assert len(answers(path)) == 3
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "x.eval"]


def test_rows_end_at_newlines_only_and_line_separators_stay_in_the_text(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\x85four"
    path = tmp_path / "a.jsonl"
    line = json.dumps({**ROW, "answer": text}, ensure_ascii=False)
    path.write_bytes(
        b"\xef\xbb\xbf" + f"{line}\r\n\r\n{json.dumps({**ROW, 'prompt': 'x'})}\r\n".encode()
    )
    assert answers(path)[0] == ("Why is the sky blue?", text)
    assert len(answers(path)) == 2


def test_models_must_not_be_mixed_unless_one_is_chosen(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", *({**ROW, "model": f"m{i % 7}", "prompt": f"Q{i}"} for i in range(21))
    )
    with pytest.raises(MalformedInput, match=r"7 models: m0, m1, m2, m3, m4, …"):
        opened(path)
    chosen = opened(path, model="m3")
    assert chosen.identity.name == "m3"
    assert len(chosen.recorded().replies) == 3
    with pytest.raises(MalformedInput, match="no answer of 'nobody'"):
        opened(path, model="nobody")
    assert {row.model for row in AnswerReader(path).rows()} == {f"m{i}" for i in range(7)}


def test_rows_with_and_without_a_model_are_mixed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW, {"prompt": "Q", "answer": "A"})
    with pytest.raises(MalformedInput, match="no name"):
        opened(path)


def test_twins_are_dropped_and_counted_and_other_answers_become_samples(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        ROW,
        ROW,
        {**ROW, "answer": "B"},
        {**ROW, "answer": "C"},
        {**ROW, "answer": "B"},
    )
    transcript = opened(path).recorded()
    assert [(r.sample, r.text) for r in transcript.replies] == [
        (0, ROW["answer"]),
        (1, "B"),
        (2, "C"),
    ]
    assert [(e.kind, e.detail[:2]) for e in transcript.events] == [("duplicates", "2 ")]


def test_numbered_samples_keep_their_numbers_and_clashes_are_told(tmp_path: Path) -> None:
    numbered = [{**ROW, "answer": "A", "sample": n} for n in (0, 1, 0)]
    transcript = opened(
        write(tmp_path / "a.jsonl", *numbered, {**ROW, "answer": "Z", "sample": 1})
    ).recorded()
    assert [(r.sample, r.text) for r in transcript.replies] == [(0, "A"), (1, "A"), (2, "Z")]
    assert {e.kind for e in transcript.events} == {"duplicates", "renumbered"}


def test_one_id_for_two_prompts_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {**ROW, "id": 1}, {**ROW, "id": 1, "prompt": "Other?"})
    assert [e.kind for e in opened(path).recorded().events] == ["conflicting_ids"]


def test_the_prompt_of_a_bundled_probe_gets_the_bundled_probe(tmp_path: Path) -> None:
    identity, choice = load_probe_set("identity").probes[0], load_probe_set("choices").probes[0]
    opening = load_probe_set("openings").probes[0]
    asked = [identity.text.replace(" ", "  "), choice.prompt(), opening.text]
    rows = [{"prompt": prompt, "answer": f"A{i}"} for i, prompt in enumerate(asked)]
    rows.append({"prompt": identity.text, "answer": "with a system text", "system": "You are Baa."})
    transcript = opened(write(tmp_path / "a.jsonl", *rows)).recorded()
    known = {r.text: transcript.probes[r.probe_id] for r in transcript.replies}
    assert [known[f"A{i}"] for i in range(3)] == [identity, choice, opening]
    assert known["with a system text"].id.startswith("recorded/")


def test_the_probe_of_any_other_prompt_is_named_by_its_digest(tmp_path: Path) -> None:
    transcript = opened(write(tmp_path / "a.jsonl", ROW)).recorded()
    expected = Probe(id="x", text=ROW["prompt"]).prompt_sha256()[:24]
    assert list(transcript.probes) == [f"recorded/{expected}"]


def test_the_arm_is_recorded_unless_the_row_says(tmp_path: Path) -> None:
    rows = [
        {**ROW, **more}
        for more in (
            {},
            {"arm": "own"},
            {"arm": "empty", "system": ""},
            {"arm": "neutral", "system": NEUTRAL_SYSTEM},
        )
    ]
    transcript = opened(write(tmp_path / "a.jsonl", *rows)).recorded()
    assert {r.arm for r in transcript.replies} == set(Arm)
    assert len(transcript.probes) == 1


def test_lone_surrogates_become_question_marks_and_nul_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "a\\ud800", "answer": "b\\udfff\\u0000", "model": "c\\ud800"}\n')
    transcript = opened(path).recorded()
    assert transcript.identity.name == "c?"
    assert [r.text for r in transcript.replies] == ["b?\0"]


def test_null_and_blank_answers_are_counted_as_empty(tmp_path: Path) -> None:
    blank = {**ROW, "answer": None}, {**ROW, "prompt": "x", "answer": " "}
    path = write(tmp_path / "a.jsonl", *blank, {**ROW, "prompt": "y"})
    assert opened(path).recorded().counts() == {"empty": 2, "ok": 1}
    assert opened(path).remark == "a: 1 answers read; 2 empty"


def test_a_recording_of_empty_answers_alone_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {**ROW, "answer": None}, {**ROW, "answer": " "})
    with pytest.raises(MalformedInput, match="2 answers are empty"):
        opened(path)


def test_the_identity_says_which_bytes_and_that_provenance_is_claimed(tmp_path: Path) -> None:
    path = write(tmp_path / "answers-of-lamb.v2.jsonl", {"prompt": "Q", "answer": "A"})
    identity = opened(path).identity
    assert identity.kind == "recording"
    assert identity.name == "answers-of-lamb.v2"
    assert identity.recording_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert identity.notes == (CLAIMED,)


def test_the_same_file_gives_the_same_transcript_bytes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        *({**ROW, "prompt": f"Q{i % 40}", "answer": f"A{i}"} for i in range(80)),
    )
    written = []
    for name in ("one.jsonl", "two.jsonl"):
        collect(opened(path), [], Sampling(), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert load_transcript(tmp_path / "one.jsonl").complete


def test_a_copy_keeps_what_was_left_out_and_stays_incomplete_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    copied = collect(opened(write(tmp_path / "a.jsonl", ROW, ROW)), [], Sampling(), path)
    assert [e.kind for e in copied.events] == ["duplicates"]
    assert copied.complete
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    again = collect(opened(path), [], Sampling(), tmp_path / "u.jsonl")
    assert not again.complete
    assert [e.kind for e in again.events] == ["duplicates"]


def test_our_own_transcript_comes_back_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    first = collect(opened(write(tmp_path / "a.jsonl", ROW)), [], Sampling(), path)
    again = opened(path)
    assert again.recorded().replies == first.replies
    assert again.identity == first.identity
    assert opened(path, format="transcript").identity == first.identity
    with pytest.raises(MalformedInput, match="'lamb'"):
        opened(path, model="wolf")


def test_format_insists(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW)
    assert len(answers(path, format="rows")) == 1
    with pytest.raises(MalformedInput, match="not a transcript"):
        opened(path, format="transcript")
    with pytest.raises(UsageProblem, match="format"):
        opened(path, format="csv")


def test_requests_are_answered_by_prompt_whatever_the_probe_is_called(tmp_path: Path) -> None:
    subject = opened(
        write(tmp_path / "a.jsonl", ROW, {**ROW, "prompt": "x", "answer": "own", "arm": "own"})
    )
    known, unknown = Probe(id="mine/1", text=ROW["prompt"]), Probe(id="mine/2", text="Never asked")
    replies = list(
        subject.generate(
            [Request(probe=known), Request(probe=unknown), Request(probe=known, sample=1)]
        )
    )
    assert [(r.probe_id, r.status) for r in replies] == [
        ("mine/1", Status.OK),
        ("mine/2", Status.ERROR),
        ("mine/1", Status.ERROR),
    ]
    assert replies[0].arm is Arm.RECORDED
    assert replies[1].error == "not in the recording"
    own, empty = (
        Request(probe=Probe(id="mine/3", text="x"), arm=arm) for arm in (Arm.OWN, Arm.EMPTY)
    )
    assert [r.status for r in subject.generate([own, empty])] == [Status.OK, Status.ERROR]


def test_a_row_is_read_in_few_calls(tmp_path: Path) -> None:
    # Calls, not seconds: these are the same on every machine, however busy.
    rows = [
        {"prompt": f"Question {n}?", "answer": "words " * 30 + str(n), "model": "m"}
        for n in range(2_000)
    ]
    path = write(tmp_path / "a.jsonl", *rows)
    opened(write(tmp_path / "warm.jsonl", ROW))
    with cProfile.Profile() as watched:
        assert len(opened(path).recorded().replies) == len(rows)
    assert sum(entry.callcount for entry in watched.getstats()) < 200 * len(rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_any_text_survives_every_form(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    ascii_only: bool,
    listed: bool,
) -> None:
    path = tmp_path_factory.mktemp("h") / "a"
    rows = [*rows, ("last", "word")]  # a recording of empty answers alone is refused
    values = [{"prompt": q, "answer": a} for q, a in rows]
    if listed:
        path.write_text(json.dumps(values, ensure_ascii=ascii_only), "utf-8", newline="")
    else:
        path.write_text(
            "".join(json.dumps(v, ensure_ascii=ascii_only) + "\n" for v in values),
            "utf-8",
            newline="",
        )
    assert [(r.prompt, r.answer) for r in AnswerReader(path).rows()] == rows
