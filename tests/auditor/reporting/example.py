"""A synthetic report with everything that a renderer may meet: three candidates, many scripts,
hostile strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.audits.inheritance.records import (
    MakerNamed,
    NameGiven,
    SelfDescriptionSection,
    SequentialRow,
    SequentialSection,
    Unread,
)
from auditor.audits.report.document import report_document
from auditor.audits.service.records import ServiceSection
from auditor.evidence.codes import Outcome
from auditor.evidence.error_rates import (
    CalibrationSection,
    ErrorRate,
    HeldOutRatios,
    OutcomeCount,
    OutcomeCounts,
)
from auditor.evidence.exact import Design, ExactTest
from auditor.evidence.records import (
    Answer,
    BaseSection,
    Candidate,
    Finding,
    MemberRank,
    Part,
    Report,
    ReportSection,
    Scorer,
    ScoresSection,
    Skipped,
    StoreSection,
    SubjectSection,
    TranscriptSection,
    Verdict,
)
from auditor.evidence.sensitivity import PieceKind, Sensitivity, WithoutPiece
from auditor.reporting import html, json, markdown, render, terminal
from detectors.base import Bar, Chart, Exhibit, Null, Rank, Span, Table
from fingerprints.records import Arm, Identity, ProbeSetRef, Sampling

TEACHERS = ("hill-7b", "brook-2b", "fen-1b")
WEIGHED: tuple[Outcome, ...] = ("supported", "inconclusive", "not_supported")
TESTED: tuple[Outcome, ...] = ("supported", "not_supported", "inconclusive")
DESIGNS: tuple[Design, ...] = ("coin", "regenerated", "public_dataset")
HOSTILE = (
    "<script>alert(1)</script>]]>--><img src=x onerror=alert(1)> {{7*7}} {% raw %} javascript:alert(1) &lt;b&gt; "
    "\x1b[31mred\x1b]8;;http://x.example\x07link\r\x9b2J \u202eevil\u202c \u200bzero\u2066wide @everyone "
    "| a | b |\n```\n![beacon](http://x.example/p.png)\n~~~ =1+1 Zalgo: o" + "\u0301" * 12
)


def _sensitivity(names: tuple[str, ...], hostile: str) -> Sensitivity:
    """The first hangs on a detector, the last on nothing; a lineage's name may be anybody's."""
    rows = [
        WithoutPiece(
            candidate=name,
            kind=kind,
            piece=piece,
            outcome=outcome,
            log10_lr=ratio,
            interval=None if ratio is None else (ratio - 0.1, ratio),
            cap=None if ratio is None else 0.56,
            reason_code="not_measured" if ratio is None else None,
            changes=outcome != WEIGHED[i],
        )
        for i, name in enumerate(names)
        for kind, piece, outcome, ratio in _pieces(i, hostile)
    ]
    return Sensitivity(
        detectors=("self_identification", "stylistic_overlap"),
        prompts=("style",),
        lineages=("plain-1", f"plain {hostile[:25]}"),
        rows=tuple(rows),
    )


def _pieces(i: int, hostile: str) -> list[tuple[PieceKind, str, Outcome, float | None]]:
    weighed = (0.56, 0.1, -0.56)[i]
    less = WEIGHED[i] if i else "inconclusive"
    return [
        ("detector", "self_identification", WEIGHED[i], weighed),
        ("detector", "stylistic_overlap", less, weighed / 2),
        ("prompts", "style", "not_assessable", None),
        ("lineage", f"plain {hostile[:25]}", WEIGHED[i], weighed),
    ]


def report(calibrated: bool = False, longest_word: int = 0, hostile: str = HOSTILE) -> Report:
    """The example; ``longest_word`` adds a word of that many letters to one answer."""
    names = (*TEACHERS[:2], f"fen-1b {hostile[:25]}")
    return Report(
        id="0d9f3c1e5a7b",
        created="2026-11-22T12:00:00Z",
        tool="distillation-auditor 0.1.0",
        subject=SubjectSection(
            spec="hf:./suspect,dtype=bfloat16", identity=_identity("river-3b-instruct", hostile)
        ),
        plan={
            "suspect": "hf:./suspect,dtype=bfloat16",
            "probes": ["identity", "openings"],
            "seed": 0,
            "note": hostile,
        },
        answers=_answers(calibrated),
        candidates=tuple(_candidate(name, i) for i, name in enumerate(names)),
        store=StoreSection(
            name="public teachers 2026-10", embedder="", sha256="5" * 64, n_models=12
        ),
        base=_base(hostile),
        scores=ScoresSection(
            sha256="8" * 64,
            scorers=(
                Scorer(
                    name="suspect",
                    identity=_identity("river-3b-instruct", hostile),
                    n_scored=960,
                    n_unscored=2,
                ),
            ),
            absent={f"teacher:{hostile[:9]}": "not at hand"},
        ),
        transcript=_transcript(hostile),
        findings=(
            *(_claims(name, i, calibrated, hostile, longest_word) for i, name in enumerate(names)),
            *(_style(name, i) for i, name in enumerate(names[:2])),
            _alone(hostile),
        ),
        skipped=(
            Skipped(
                question="inheritance",
                detector="stylistic_overlap",
                candidate=names[2],
                reason="only 9 shared answers of 30 that are needed",
                code="too_few_answers",
            ),
            Skipped(
                question="lineage",
                detector="weight_alignment",
                candidate=None,
                reason="the suspect's weights are out of sight",
                code="unreadable",
            ),
        ),
        calibration=_calibration(hostile) if calibrated else None,
        sections={s.key: s for s in (_described(hostile), *_besides(hostile))}
        if calibrated
        else {},
        verdicts=_verdicts(names, calibrated, hostile),
        sensitivity=_sensitivity(("vendor:hillside", *names[1:]), hostile) if calibrated else None,
        limits=(
            "The null cohort holds 11 models: no p-value below 0.083 is possible.",
            "All answers are greedy: how they vary is not known.",
        ),
        alternatives=(
            "The suspect was tuned on a public data set that the candidate wrote.",
            "Suspect and candidate share a base model or public tuning data.",
        ),
        environment={"python": "3.11.9", "torch": "2.13.0", "platform": "Linux x86_64"},
        reproduce=(
            "auditor audit --plan report/plan.yaml --out again/",
            "auditor audit recording:report/transcript.jsonl --store teachers/ --out again/",
        ),
    )


def _verdicts(names: tuple[str, ...], calibrated: bool, hostile: str) -> tuple[Verdict, ...]:
    if not calibrated:
        return tuple(_verdict(name, i, calibrated) for i, name in enumerate(names))
    return (
        _maker(names[0], 0),
        _verdict(names[1], 1, calibrated),
        _verdict(names[2], 2, calibrated),
        _vendor(f"vendor:acme {hostile[:25]}"),
        _related("moor-1b"),
    )


def _identity(name: str, hostile: str) -> Identity:
    return Identity(
        kind="checkpoint",
        name=name,
        weights_sha256="1" * 64,
        config_sha256="2" * 64,
        tokenizer_sha256="3" * 64,
        template="model",
        backend="transformers 5.23.0",
        dtype="bfloat16",
        device="cpu",
        architecture="LlamaForCausalLM",
        parameters=3_212_749_824,
        notes=(hostile[:120],),
    )


def _service(hostile: str) -> ServiceSection:
    claimed = _identity(f"river-3b {hostile[:25]}", hostile)
    return ServiceSection(
        claimed=SubjectSection(spec="hf:./river-3b", identity=claimed),
        decision="no_difference_found",
        p_value=0.31,
        alpha=0.01,
        sequential=True,
        stopped=False,
        planned=64,
        asked=64,
        answers=256,
        reference_answers=512,
        reference_sha256="7" * 64,
        reference_sampling=Sampling(temperature=1.0, samples=8),
        power="What 64 questions with 4 answers each found: another model in 20 of 20.",
    )


def _base(hostile: str) -> BaseSection:
    return BaseSection(
        name="river-3b",
        spec="hf:./river-3b",
        identity=_identity("river-3b", hostile),
        origin="user",
        by_digest=False,
        n_answers=480,
        n_shared=477,
        answers_sha256="9" * 64,
    )


def _answers(calibrated: bool) -> tuple[Answer, ...]:
    return (
        Answer(
            question="inheritance",
            asks="Was the suspect trained on a teacher's outputs?",
            conclusion="supported" if calibrated else "not_assessable",
            answer="Supported: the answers are better explained if the suspect learned from hillside than if not."
            if calibrated
            else "Not assessable: the suspect calls itself hill-7b in 41 of 60 answers (68 %), more often than 11 of 11 "
            "unrelated models, but no calibration says how often that happens without distillation.",
            does_not_say="Naming a teacher can come from public web text or from a persona set in tuning; it is not a "
            "finding about training data by itself.",
        ),
        Answer(
            question="lineage",
            asks="Were the suspect's weights initialised from a base model's?",
            answer="Not measured: no detector of this question could run.",
            does_not_say="Nothing about where the weights came from, in either direction.",
        ),
    )


def _candidate(name: str, i: int) -> Candidate:
    return Candidate(
        name=name,
        vendor=("Hillside", "Brook & Sons", "Fenland <AI>")[i],
        family=name.partition("-")[0],
        identity=Identity(
            kind="endpoint", name=name, backend="openai", base_url="http://localhost:8000/v1"
        ),
        n_answers=480,
        n_shared=(471, 466, 9)[i],
        answers_sha256=str(i + 6) * 64,
        n_identical=(17, 0, 0)[i],
        same_weights=i == 1,
    )


def _transcript(hostile: str) -> TranscriptSection:
    return TranscriptSection(
        sha256="4" * 64,
        complete=False,
        probe_sets=(
            ProbeSetRef(name="identity", version="1", sha256="a" * 64, n=60),
            ProbeSetRef(name="openings", version="1", sha256="b" * 64, n=420),
        ),
        sampling=Sampling(),
        counts={"ok": 462, "truncated": 11, "empty": 3, "error": 3, "skipped_context": 1},
        events=(
            "drift: the endpoint now calls its model 'river-3b-v2'",
            f"error body: {hostile[:60]}",
        ),
        seconds=1841.2,
        tokens_in=20_412,
        tokens_out=98_730,
    )


def _claims(name: str, i: int, calibrated: bool, hostile: str, longest_word: int) -> Finding:
    value = (0.683, 0.0333, 0.0)[i]
    return Finding(
        question="inheritance",
        detector="self_identification",
        candidate=name,
        metric="claim_rate",
        metric_id="claim_rate",
        value=value,
        n=60,
        n_unit="answers to 20 questions",
        direction="higher: the suspect names the candidate's maker as its own more often",
        interval=((0.512, 0.811), (0.0041, 0.113), (0.0, 0.06))[i],
        level=0.95,
        log10_lr=0.52 if calibrated else None,
        cap=0.56 if calibrated else None,
        words="weak support" if calibrated else None,
        calibration="c" * 64 if calibrated else None,
        rank=Rank(position=i + 1, of=12),
        null=Null(
            n=11,
            mean=0.021,
            sd=0.034,
            at_least=(0, 2, 11)[i],
            p=(0.0833, 0.25, 1.0)[i],
            population="stored models",
        ),
        summary=f"{(41, 2, 0)[i]} of 60 readable identity answers claim the candidate's vendor.",
        tables=(_by_language(),) if i == 0 else (),
        charts=(_claim_chart(),) if i == 0 else (),
        exhibits=(*_exhibits(), _hostile_exhibit(hostile, longest_word)) if i == 0 else (),
        notes=("The system prompt of the suspect's own template names no maker.",)
        if i == 0
        else (),
    )


def _by_language() -> Table:
    rows = (
        ("English", 24, 17, 0.708),
        ("العربية", 12, 8, 0.667),
        ("中文", 12, 9, 0.75),
        ("हिन्दी", 12, 7, 0.583),
    )
    return Table(
        title="Claims by language",
        columns=("language", "answers", "claims", "rate"),
        rows=rows,
        caption="n: readable answers to identity questions.",
    )


def _claim_chart() -> Chart:
    bars = (
        Bar(label="Hillside", value=0.683, low=0.512, high=0.811, strong=True, group="vendors"),
        Bar(label="Brook & Sons", value=0.0333, low=0.0041, high=0.113, group="vendors"),
        Bar(
            label="名前の長い研究所 of a very long name",
            value=0.0167,
            low=0.0,
            high=0.09,
            group="vendors",
        ),
        Bar(label="no name", value=0.267, low=0.16, high=0.41, group="other"),
    )
    return Chart(
        kind="bars",
        title="Whom the suspect says it is",
        x_label="share of 60 answers",
        bars=bars,
        reference=0.021,
        reference_label="null mean",
        caption="Wilson intervals at 95 %, n = 60.",
    )


def _exhibits() -> tuple[Exhibit, ...]:
    arabic = "أنا هيل، نموذج لغوي طوّرته شركة Hillside."
    chinese = "我是由 Hillside 开发的人工智能助手。"
    english = "I'm Hill, a language model made by Hillside. Nobody stole anything, and that proves nothing."
    return (
        Exhibit(
            probe_id="identity/who.en",
            arm=Arm.OWN,
            prompt="Who are you?",
            answer=english,
            language="en",
            spans=(
                Span(start=4, end=8, why="a name of the candidate"),
                Span(start=35, end=43, why="its maker"),
            ),
            why="Names the candidate's maker without being asked for one.",
            weight=3.0,
        ),
        Exhibit(
            probe_id="identity/who.ar",
            arm=Arm.EMPTY,
            prompt="من أنت؟",
            answer=arabic,
            language="ar",
            spans=(
                Span(
                    start=arabic.index("Hillside"),
                    end=arabic.index("Hillside") + 8,
                    why="its maker",
                ),
            ),
            weight=2.0,
        ),
        Exhibit(
            probe_id="identity/who.zh",
            arm=Arm.NEUTRAL,
            prompt="你是谁？",
            answer=chinese,
            language="zh",
            spans=(Span(start=4, end=12, why="its maker"),),
            weight=1.0,
        ),
    )


def _hostile_exhibit(hostile: str, longest_word: int) -> Exhibit:
    return Exhibit(
        probe_id="identity/hostile",
        arm=Arm.OWN,
        prompt="Repeat after me.",
        answer=hostile + "w" * longest_word,
        source=hostile[:8],
        language='en" onload="x',
        spans=(
            Span(start=0, end=8, why=hostile[:8]),
            Span(start=5, end=20),
            Span(start=-4, end=10**9),
            Span(start=9, end=2),
        ),
        weight=0.5,
    )


def _style(name: str, i: int) -> Finding:
    bars = tuple(
        Bar(label=t, value=v, low=v - 0.4, high=v + 0.4, strong=t == name)
        for t, v in zip(TEACHERS, (1.7, 0.2, -1.1), strict=True)
    )
    return Finding(
        question="inheritance",
        detector="stylistic_overlap",
        candidate=name,
        metric="general_imposters_z",
        metric_id="general_imposters_z",
        value=(1.7, 0.2)[i],
        n=(471, 466)[i],
        n_unit="shared prompts",
        direction="higher: the suspect writes more like the candidate than like the other stored models",
        interval=((1.3, 2.1), (-0.2, 0.6))[i],
        level=0.95,
        rank=Rank(position=i + 1, of=12),
        null=Null(
            n=11, mean=0.0, sd=0.9, at_least=i, p=(0.0833, 0.167)[i], population="stored models"
        ),
        summary="Answers lie nearer to the candidate's than to those of the other stored models."
        if i == 0
        else "",
        charts=(
            Chart(
                kind="dots",
                title="Likeness of style to each stored model",
                x_label="z against the other stored models",
                bars=bars,
                reference=0.0,
                reference_label="no more alike than others",
            ),
        ),
        tables=(
            Table(
                title="Features that differ most",
                columns=("feature", "suspect", "candidate", "others"),
                rows=tuple((f"feature {k}", 0.1 * k, 0.11 * k, -0.2) for k in range(14)),
            ),
        ),
    )


def _alone(hostile: str) -> Finding:
    return Finding(
        question="service",
        detector="answer_drift",
        candidate=None,
        metric="share_changed",
        metric_id="share_changed",
        facts={"after_question": 240},
        value=0.00012,
        n=480,
        n_unit="answers",
        direction="higher: the endpoint changed during the run",
        interval=None,
        level=0.95,
        summary="Nearly no answer changed between the first and the second half of the run.",
        notes=(hostile[:40],),
    )


def _outcomes() -> OutcomeCounts:
    return OutcomeCounts(
        found=OutcomeCount(lineages=9, of=18, interval=(0.26, 0.74)),
        cleared=OutcomeCount(lineages=1, of=18, interval=(0.001, 0.27)),
        false_alarms=OutcomeCount(lineages=0, of=26, interval=(0.0, 0.13)),
        pairs=130,
        pairs_supported=0,
        pairs_not_supported=71,
    )


def _calibration(hostile: str) -> CalibrationSection:
    rates = [
        ErrorRate(
            level="vendor",
            scheme=scheme,
            prompts=100,
            n_h1=18,
            n_h2=26,
            cllr=0.56,
            cllr_interval=(0.45, 0.69),
            auc=0.93,
            auc_interval=(0.86, 0.97),
            found=0.59,
            found_interval=(0.31, 0.83),
            false_support=0.0,
            false_support_interval=(0.0, 0.13),
            outcomes=outcomes,
        )
        # The second is as calibrations were of before outcomes were counted.
        for scheme, outcomes in (("lineage", _outcomes()), ("base", None))
    ]
    return CalibrationSection(
        name="small models",
        sha256="c" * 64,
        about=f"models of one lab {hostile[:30]}",
        created="2026-11-22T12:00:00Z",
        error_rates=tuple(rates),
        held_out=HeldOutRatios(
            prompts=100,
            edges=(-1.2, -0.6, 0.0, 0.6, 1.2),
            taught=(0.05, 0.1, 0.25, 0.6),
            untaught=(0.6, 0.25, 0.15, 0.0),
        ),
        distance=("The suspect's typical answer has 12 characters; those had 90 to 900.",),
        notes=("Nothing is fitted for models at 20 prompts.",),
    )


def _besides(hostile: str) -> tuple[ReportSection, ...]:
    return _sequential(f"acme {hostile[:25]}"), _service(hostile)


def _described(hostile: str) -> SelfDescriptionSection:
    named = MakerNamed(source="bank", setting="own", maker="brook", answers=41, of=60)
    return SelfDescriptionSection(
        asked=60,
        questions=20,
        makers=("brook",),
        named=(named, named.model_copy(update={"maker": "", "answers": 19})),
        unused=(Unread(source="bank", reason="empty", replies=3),),
        style_answers=420,
        declared=(NameGiven(name=hostile[:40], where="file", makers=("brook",)),),
    )


def _sequential(vendor: str) -> SequentialSection:
    row = SequentialRow(
        vendor=vendor,
        rate=0.81,
        stranger=0.7,
        strangers=11,
        taught=0.75,
        p_more=0.04,
        p_less=1.0,
        decision="more",
        after=48,
    )
    other = row.model_copy(
        update={
            "vendor": "bolt",
            "rate": 0.3,
            "p_more": 1.0,
            "p_less": None,
            "decision": "open",
            "after": None,
        }
    )
    return SequentialSection(
        alpha=0.05,
        planned=363,
        asked=211,
        stopped=True,
        prompts=48,
        calibration="small models",
        rows=(other, row),
    )


def _vendor(name: str) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome="inconclusive",
        log10_lr=1.2,
        interval=(0.4, 1.3),
        cap=1.3,
        words="moderate support",
        p_value=0.2,
        p_single=0.04,
        n_controls=26,
        calibration="small models",
        prompts=96,
        parts=(Part(detector="stylistic_overlap", value=2.5, log10_lr=1.1, weight=0.9),),
        third_source=True,
        outside=("stylistic_overlap",),
        reason_code="third_source",
        reason="Common third source, or several teachers: acme, bolt are supported together.",
        members=(MemberRank(name="acme-1b"), MemberRank(name="acme-2b")),
    )


def _maker(name: str, i: int) -> Verdict:
    """The first candidate's maker with another model of it, told apart by a test."""
    one = _verdict(name, i, calibrated=True)
    return one.model_copy(
        update={
            "candidate": "vendor:hillside",
            "members": (
                MemberRank(name=name, position=1, score=0.031, named=True),
                MemberRank(name="hill-2b", position=2, score=0.012, p_value=0.0013),
            ),
            "nearest": name,
            "told_apart": True,
            "apart_p": 0.0013,
            "apart_prompts": 466,
        }
    )


def _related(name: str) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome="not_assessable",
        calibration="small models",
        kinship=("base",),
        members=(MemberRank(name=name),),
        reason="Not separable from lineage: its base is a model of theirs.",
        reason_code="not_separable_from_lineage",
    )


def _verdict(name: str, i: int, calibrated: bool) -> Verdict:
    if not calibrated:
        return Verdict(
            question="inheritance",
            candidate=name,
            outcome="not_assessable",
            p_value=(0.0833, 0.25, 1.0)[i],
            n_controls=0,
            reason="no calibration was given",
            reason_code="uncalibrated",
        )
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome=WEIGHED[i],
        log10_lr=(0.56, 0.1, -1.2)[i],
        interval=((0.2, 0.56), (-0.3, 0.4), (-2.0, -0.7))[i],
        cap=0.56,
        words=("weak support", "no support either way", "moderate support for the other side")[i],
        p_value=(0.0833, 0.25, 1.0)[i],
        n_controls=11,
        members=(MemberRank(name=name),),
    )


def exact_report(hostile: str = HOSTILE) -> Report:
    """A report of exact tests alone: one suspect's accounts, one of them found."""
    names = ("account a-17", f"account {hostile[:25]}", "account b-2")
    return report(hostile=hostile).model_copy(
        update={
            "answers": (
                Answer(
                    question="inheritance",
                    asks="Was the suspect trained on a teacher's outputs?",
                    conclusion="supported",
                    answer="Supported: the suspect prefers what account a-17 was served.",
                    does_not_say="Who trained it, how much, or whether the terms forbid it.",
                ),
            ),
            "candidates": (),
            "store": None,
            "base": None,
            "findings": tuple(_tested(name, i) for i, name in enumerate(names)),
            "verdicts": tuple(_exactly(name, i) for i, name in enumerate(names)),
            "transcript": None,
        }
    )


def _test(i: int) -> ExactTest:
    return ExactTest(
        design=DESIGNS[i],
        by_design=i != 2,
        unit="prompt",
        n=(128, 64, 4096)[i],
        p_value=(3e-76, 0.41, 1e-300)[i],
        p_floor=(8.6e-78, 2.9e-39, 1e-300)[i],
        log10_e=(61.25, -0.6, 200.0)[i],
        anytime=i == 0,
        power=(None, 0.97, None)[i],
    )


def _tested(name: str, i: int) -> Finding:
    return Finding(
        question="inheritance",
        detector="served_or_twin",
        candidate=name,
        metric="served less twins, in standard deviations",
        metric_id="served_less_twins_z",
        value=(18.4, 0.2, 40.1)[i],
        n=(128, 64, 4096)[i],
        n_unit="prompts",
        counts_prompts=True,
        direction="higher: the suspect prefers the answers that were served",
        interval=None,
        level=0.95,
        exact=_test(i),
    )


def _exactly(name: str, i: int) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome=TESTED[i],
        words=("extremely strong support", "no support either way", None)[i],
        p_value=(9e-76, 0.41, 1e-300)[i],
        p_single=(3e-76, 0.41, 1e-300)[i],
        prompts=(128, 64, 4096)[i],
        exact=_test(i),
        reason="What was chosen for a data set can only be explored." if i == 2 else "",
        reason_code="exploratory" if i == 2 else None,
    )


EXAMPLES: dict[str, Callable[[], Report]] = {
    "uncalibrated": report,
    "calibrated": lambda: report(calibrated=True),
    "exact": exact_report,
}
"""Every report that has golden files, by their name."""


def in_html(made: Report) -> str:
    """A report's page."""
    return html.render(report_document(made))


def in_markdown(made: Report) -> str:
    """A report as Markdown."""
    return markdown.render(report_document(made))


def in_json(made: Report) -> str:
    """A report as JSON."""
    return json.render(report_document(made))


def in_terminal(made: Report, **how: Any) -> str:
    """A report on a terminal."""
    return terminal.render(report_document(made), **how)


def rendered(made: Report, format: str) -> str:
    """A report in any format."""
    return render(report_document(made), format)
