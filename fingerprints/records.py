"""The records that cross the disk: probes, replies, likelihoods, identities.

Frozen pydantic models with a SHA-256 digest over canonical JSON. Knows what was asked and answered;
knows neither who asked nor what it means.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fingerprints.adjustments import Adjustment
from fingerprints.thoughts import split_thoughts

ProbeId = Annotated[str, Field(min_length=1, max_length=200)]
Form = Literal["chat", "completion", "choice"]
Kind = Literal[
    "style",
    "identity",
    "leading",
    "choices",
    "openings",
    "policy",
    "service",
    "named",
    "unseen",
    "dialogue",
]
"""What an answer tells of: the name of the shipped (or documented) probe set that asks for it.
``dialogue``: an answer later on in a recorded chat, shaped by what the model said before."""
STYLE_KINDS: frozenset[Kind] = frozenset({"style", "named", "unseen"})
"""Kinds whose answers tell how a model writes. A question about who it is, a choice or a bare
opening doesn't."""

NEUTRAL_SYSTEM = "Answer briefly."

_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)
"""Made once: `json.dumps` makes one a call, and every prompt of a recording is digested."""


def canonical_json(value: Any) -> bytes:
    """Canonical bytes of a JSON value: sorted keys, no spaces, UTF-8, lone surrogates and NaN
    refused.

    >>> canonical_json({"b": 1, "a": "é"}).decode()
    '{"a":"é","b":1}'
    """
    return _CANONICAL.encode(value).encode("utf-8")


def sha256(data: bytes | str) -> str:
    """Hexadecimal SHA-256 of bytes, or of a text's UTF-8 bytes."""
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def _storable(text: Any) -> Any:
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text


Spoken = Annotated[str, BeforeValidator(_storable)]
"""Text of a stranger: lone surrogates, which no UTF-8 file can hold, become question marks."""


class Record(BaseModel):
    """A frozen value with a digest; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def digest(self) -> str:
        """Hexadecimal SHA-256 over canonical JSON; equal records have equal digests."""
        return sha256(canonical_json(self.model_dump(mode="json")))


class Arm(StrEnum):
    """Which system prompt the model saw: its own default, an empty one, a neutral one, or an
    unknown (recorded) one."""

    OWN = "own"
    EMPTY = "empty"
    NEUTRAL = "neutral"
    RECORDED = "recorded"


class Status(StrEnum):
    """How an attempt ended. Only ``ok`` and ``truncated`` carry text that detectors read.

    ``rejected``: an endpoint turned this one question away (HTTP 400, 413 or 422), so that asking
    again would change nothing.
    """

    OK = "ok"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    ERROR = "error"
    SKIPPED_CONTEXT = "skipped_context"
    REJECTED = "rejected"


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


def prompt_sha256(
    prompt: str, history: tuple[Message, ...] = (), *, completion: bool = False
) -> str:
    """Digest of what is asked: earlier turns and the last one, white space counted once; a raw
    completion has its own."""
    turns = [[m.role, m.content] for m in history]
    return sha256(canonical_json([completion, turns, " ".join(prompt.split())]))


def kind_of(probe_id: str, form: Form = "chat") -> Kind:
    """The kind of a probe that names none: that of the shipped set which its id begins with; style
    where there is none, and choices for a choice.

    So were probes told apart before they had kinds: transcripts, stores and digests of that time
    still mean what they meant.

    >>> [kind_of(i) for i in ("identity/en-maker-1", "style/writing-01", "mine/7")]
    ['identity', 'style', 'style']
    """
    name, slash, _ = probe_id.partition("/")
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        if slash and name == kind:
            return kind
    return "choices" if form == "choice" else "style"


class Probe(Record):
    """One question, the same for every model.

    ``question`` is the cluster that translations and paraphrases share: intervals are clustered by
    it. ``history`` holds earlier turns, oldest first, where there are any; ``text`` is the last
    turn. ``options`` and ``answer`` belong to the form ``choice``. ``kind`` says what the answer
    tells of; it is written down, and part of the digest, where the id doesn't say so.
    """

    id: ProbeId
    text: str
    form: Form = "chat"
    question: str = ""
    topic: str = ""
    language: str = ""
    history: tuple[Message, ...] = ()
    options: tuple[str, ...] = ()
    answer: str | None = None
    vendor: str | None = None
    jurisdiction: str | None = None
    kind: Kind = Field(
        default_factory=lambda known: kind_of(known.get("id", ""), known.get("form", "chat"))
    )

    @model_serializer(mode="wrap")
    def _without_a_kind_that_the_id_tells(
        self, dump: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        told = kind_of(self.id, self.form)
        return {k: v for k, v in dump(self).items() if k != "kind" or v != told}

    @model_validator(mode="after")
    def _answer_is_an_option(self) -> Self:
        if self.form == "choice" and (len(self.options) < 2 or self.answer not in self.options):
            raise ValueError(f"{self.id}: a choice needs options, and its answer among them")
        return self

    @property
    def cluster(self) -> str:
        """The key that replies to one question share: ``question``, else the probe's id."""
        return self.question or self.id

    @property
    def shows_style(self) -> bool:
        """Whether the answer tells how a model writes."""
        return self.form == "chat" and self.kind in STYLE_KINDS

    def prompt_sha256(self) -> str:
        """Digest of what is asked, earlier turns included: the same in any set."""
        return prompt_sha256(self.prompt(), self.history, completion=self.form == "completion")

    def prompt(self) -> str:
        """The last turn as the model reads it; a choice lists its options as A), B), …"""
        if self.form != "choice":
            return self.text
        listed = "\n".join(f"{chr(65 + i)}) {option}" for i, option in enumerate(self.options))
        return f"{self.text}\n{listed}\nAnswer with the letter of the right option only."


class ProbeSet(Record):
    """A named, versioned list of probes with the arms and the answer length that they are for;
    ``whole`` is the digest of the complete set when this is only its head."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    version: str
    licence: str = ""
    description: str = ""
    form: Form = "chat"
    arms: tuple[Arm, ...] = (Arm.OWN,)
    max_tokens: Annotated[int, Field(ge=1, le=32768)] = 256
    probes: tuple[Probe, ...]
    whole: str | None = None

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [p.id for p in self.probes]
        if len(set(ids)) != len(ids):
            raise ValueError(f"probe set {self.name}: duplicate probe ids")
        return self

    def head(self, n: int | None) -> ProbeSet:
        """The first ``n`` probes (None: all): sets are so ordered that a head is balanced."""
        if n is None or n >= len(self.probes):
            return self
        return self.model_copy(
            update={"probes": self.probes[:n], "whole": self.whole or self.digest()}
        )


class ProbeSetRef(Record):
    """Names a probe set without its text: what a transcript was asked.

    ``sha256`` is that of the complete set, ``n`` how many of its probes were asked.
    """

    name: str
    version: str
    sha256: str
    n: int


class Sampling(Record):
    """How answers are drawn. Temperature 0 is greedy; ``seed`` counts only above it."""

    temperature: Annotated[float, Field(ge=0, le=5)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=1, le=32768)] | None = None
    seed: int = 0
    samples: Annotated[int, Field(ge=1, le=1000)] = 1


class Request(Record):
    """One thing to ask a subject: probe, arm, sample, and the length of the answer."""

    probe: Probe
    arm: Arm = Arm.OWN
    sample: Annotated[int, Field(ge=0)] = 0
    max_tokens: Annotated[int, Field(ge=1)] = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes an answer this one and no other: probe, arm, sample."""
        return (self.probe.id, self.arm.value, self.sample)

    def messages(self) -> list[dict[str, str]]:
        """The conversation as chat messages, oldest first; the arm decides about the system turn
        (own: none is sent)."""
        system = {Arm.EMPTY: "", Arm.NEUTRAL: NEUTRAL_SYSTEM}.get(self.arm)
        turns = [] if system is None else [{"role": "system", "content": system}]
        turns += [{"role": m.role, "content": m.content} for m in self.probe.history]
        return [*turns, {"role": "user", "content": self.probe.prompt()}]

    def reply(self, status: Status, text: str = "", **told: Any) -> Reply:
        """What answers it, or says in ``error`` why nothing does; ``told`` are `Reply`'s fields."""
        return Reply(
            probe_id=self.probe.id,
            arm=self.arm,
            sample=self.sample,
            status=status,
            text=text,
            **told,
        )


class Reply(Record):
    """One observed answer to one request.

    ``prompt`` is what the model really read (the rendered template; None where an endpoint rendered
    it out of sight), ``seconds`` the wall time of this answer, ``served_model`` the name an
    endpoint gave itself, ``system_fingerprint`` what it says of its build. ``text`` is what it
    wrote, kept whole, ``thoughts`` what it gave as thoughts apart; `answer` and `thinking` tell the
    two apart wherever they stand. ``adjusted``: what was not sent as planned, being refused.
    """

    probe_id: ProbeId
    arm: Arm
    sample: int = 0
    status: Status
    text: Spoken
    thoughts: Spoken = ""
    finish_reason: Spoken = ""
    prompt: Spoken | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    served_model: Spoken | None = None
    system_fingerprint: Spoken | None = None
    error: Spoken | None = None
    adjusted: tuple[Adjustment, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """Probe, arm, sample: the newest reply with a key is the one that counts."""
        return (self.probe_id, self.arm.value, self.sample)

    @property
    def readable(self) -> bool:
        """Whether the reply carries text, be it thoughts alone."""
        return self.status in (Status.OK, Status.TRUNCATED) and bool(self.text.strip())

    @property
    def answer(self) -> str:
        """What it said: the text without the thoughts that stand in it."""
        return split_thoughts(self.text).answer

    @property
    def answered(self) -> bool:
        """Whether something was said that a detector may read; thoughts alone are no answer."""
        return self.readable and bool(self.answer.strip())

    @property
    def thinking(self) -> str:
        """What it thought, given apart or within the text; empty where nothing of it was seen."""
        inside = split_thoughts(self.text).thoughts
        return "\n".join(part for part in (self.thoughts.strip(), inside) if part)


class Likelihoods(Record):
    """How likely a subject finds one given text.

    ``bits`` is the text's total negative log2-likelihood (lower: more likely), ``tokens`` and
    ``bytes`` its length; the first token is scored after the beginning-of-text token or the given
    context. ``token_bits`` is per token.
    """

    text_sha256: str
    bits: float
    tokens: int
    bytes: int
    token_bits: tuple[float, ...] = ()

    @property
    def bits_per_byte(self) -> float:
        """Negative log2-likelihood per UTF-8 byte: comparable between tokenizers."""
        return self.bits / max(1, self.bytes)


class Identity(Record):
    """Which model answered: digests of what was loaded, and everything that changes an answer.

    ``weights_sha256`` is over the weight files' own digests in order of name (None where weights
    are out of sight); backend, dtype and quantisation belong to it because signatures are not
    comparable across them unnoticed.
    """

    kind: Literal["checkpoint", "gguf", "endpoint", "recording"]
    name: str
    weights_sha256: str | None = None
    config_sha256: str | None = None
    tokenizer_sha256: str | None = None
    template_sha256: str | None = None
    template: Literal["model", "plain", "remote", "none"] = "none"
    adapter_sha256: str | None = None
    recording_sha256: str | None = None
    backend: str = ""
    dtype: str = ""
    quantisation: str = ""
    device: str = ""
    architecture: str = ""
    parameters: int | None = None
    base_url: str | None = None
    revision: str | None = None
    notes: tuple[str, ...] = ()

    def same_weights(self, other: Identity) -> bool:
        """Whether both have the same weights and adapter; False where either is out of sight."""
        return (
            self.weights_sha256 is not None
            and self.weights_sha256 == other.weights_sha256
            and self.adapter_sha256 == other.adapter_sha256
        )
