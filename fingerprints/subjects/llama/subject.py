"""A GGUF file as a subject that llama.cpp answers for, in the file's own precision.

The file's header is checked by us, then a limited child opens it first: what makes the library
abort ends there. What answers is not the dequantised model that transformers makes of the same
file: the identity says so. The child is `fingerprints.subjects.llama.trial`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem
from fingerprints.records import Identity, Likelihoods, Reply, Request
from fingerprints.scores import Passage
from fingerprints.subjects.base import Offer, Subject
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.child import UNLIMITED
from fingerprints.subjects.digests import template_sha256
from fingerprints.subjects.gguf_header import GgufHeader, read_gguf_header
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.llama.answering import GgufVoice, answers_of, bits_of
from fingerprints.subjects.llama.engine import LoadedGguf
from fingerprints.subjects.llama.library import backend_name, library
from fingerprints.subjects.llama.pace import fastest_threads
from fingerprints.subjects.llama.tokens import GgufTokenizer, vocabulary_sha256
from fingerprints.subjects.llama.trial import checked_template, tried
from fingerprints.subjects.prompting import Limits
from fingerprints.subjects.scored_lines import (
    ScoredLine,
    lines_of_passages,
    lines_of_texts,
    record_of,
    records_of,
)
from fingerprints.subjects.spec import count_option
from fingerprints.subjects.template import open_chat, template_option
from fingerprints.system import memory_left

BATCH = 32
TAKEN = frozenset({"backend", "batch", "template", "threads"})
"""The options of a spec that mean something to this backend."""
SHARE_FOR_ROWS = 0.5
"""Of the memory that is left beside the weights, so much may hold what was read."""


class GgufByLlama(Subject):
    """A GGUF file in this process, by llama.cpp: it answers, scores, and shows its weights."""

    offers: frozenset[Offer] = frozenset({"generate", "score", "weights"})

    def __init__(self, spec: str, identity: Identity, voice: GgufVoice) -> None:
        self.spec, self.identity = spec, identity
        self._voice: GgufVoice | None = voice

    @property
    def voice(self) -> GgufVoice:
        """The loaded model. Raises MalformedInput after `close`."""
        if self._voice is None:
            said = "the subject is closed"
            raise MalformedInput(said, where=self.spec, next_step="open it again")
        return self._voice

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """See `fingerprints.subjects.llama.answering.answers_of`."""
        return answers_of(self.voice, requests)

    def score(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Likelihoods]:
        """Bits per text and token; as `fingerprints.subjects.likelihood.likelihoods` tells."""
        bits = bits_of(self.voice, lines_of_texts(self.voice, texts, contexts))
        return [record_of(text, bits[i]) for i, text in enumerate(texts)]

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """Bits of passages; as `fingerprints.subjects.likelihood.passage_likelihoods` tells."""
        found = lines_of_passages(self.voice, passages)
        bits = bits_of(self.voice, [line for line in found if isinstance(line, ScoredLine)])
        return records_of([passage.text for passage in passages], found, bits)

    def close(self) -> None:
        """Frees the model."""
        if self._voice is not None:
            self._voice.model.close()
        self._voice = None


def open_by_llama(spec: SubjectSpec) -> GgufByLlama:
    """Opens ``gguf:./file.gguf,backend=llama.cpp`` with its options (batch, template, threads).

    Raises MalformedInput for a file that is not whole or that llama.cpp doesn't know, UnsafeInput
    for one that makes it abort, ResourceLimit where it does not fit, UsageProblem without the wheel
    or for an option that means nothing here.
    """
    _check_options(spec.options)
    path = Path(spec.target).expanduser()
    header = read_gguf_header(path)
    template = checked_template(header, path)
    _check_depth(header, path)
    library()
    size = path.stat().st_size
    _check_fits(size, path)
    digest = file_sha256(path)
    anomalies = tried(path, digest, template_option(spec.options))
    voice = _voice(path, header, spec.options, memory_left() - size)
    return GgufByLlama(
        str(spec), _identity(path, header, digest, template, voice, anomalies), voice
    )


def _check_options(options: Mapping[str, str]) -> None:
    other = sorted(options.keys() - TAKEN)
    if other:
        raise UsageProblem(
            f"the option {other[0]} means nothing to llama.cpp, which runs the file as it is",
            where="backend",
            next_step="leave it out, or leave backend=llama.cpp out",
        )


def _check_depth(header: GgufHeader, path: Path) -> None:
    """The library makes room for every layer that is claimed before it looks for one."""
    layers = header.metadata.get(f"{header.architecture}.block_count", 0)
    if not isinstance(layers, int) or layers > len(header.tensors):
        raise MalformedInput(
            "it claims more layers than tensors",
            where=path,
            next_step="download or convert the file again",
        )


def _check_fits(size: int, path: Path) -> None:
    free = memory_left()
    if size > free:
        raise ResourceLimit(
            f"the file's weights take {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are left",
            where=path,
            next_step="close other programs, or use a file of a smaller quantisation",
        )


def _voice(path: Path, header: GgufHeader, options: Mapping[str, str], left: int) -> GgufVoice:
    with ExitStack() as held:
        model = held.enter_context(LoadedGguf(path))
        if model.encodes:
            raise MalformedInput(
                "it has an encoder, and is no causal language model",
                where=path,
                next_step="leave backend=llama.cpp out",
            )
        tokenizer = GgufTokenizer(model.library, model.vocabulary, header)
        chat = open_chat(tokenizer, template_option(options))
        voice = GgufVoice(
            model=model,
            tokenizer=tokenizer,
            chat=chat,
            stop=tokenizer.ends() | set(chat.stop),
            limits=Limits(model.context, model.window, model.divisible),
            batch=count_option(options, "batch", BATCH),
            threads=fastest_threads(model, options),
            row_bytes=token_bytes(header),
            room=int(max(0, left) * SHARE_FOR_ROWS),
        )
        held.pop_all()  # it is the voice's now, and freed with it
    return voice


def token_bytes(header: GgufHeader) -> int:
    """What keys and values of one token take, in 16-bit numbers; at least a guess from the width
    where the header does not say."""
    kind, told = header.architecture, header.metadata

    def count(name: str, usual: int) -> int:
        """A number of the header, the largest where each layer has its own."""
        value = told.get(f"{kind}.{name}")
        numbers = value if isinstance(value, tuple) else (value,)
        return max([n for n in numbers if isinstance(n, int)], default=usual)

    width, layers = count("embedding_length", 4096), count("block_count", 32)
    heads = max(1, count("attention.head_count", 32))
    each = count("attention.key_length", max(1, width // heads))
    return layers * count("attention.head_count_kv", heads) * each * 2 * 2


def _identity(
    path: Path,
    header: GgufHeader,
    digest: str,
    template: str,
    voice: GgufVoice,
    anomalies: Sequence[str],
) -> Identity:
    own = (
        f"answered by llama.cpp in the file's own {header.quantisation}: not the original"
        " checkpoint, nor what transformers makes of the dequantised file"
    )
    return Identity(
        kind="gguf",
        name=path.name,
        weights_sha256=digest,
        tokenizer_sha256=vocabulary_sha256(header),
        template_sha256=template_sha256(template),
        template=voice.chat.kind,
        backend=backend_name(),
        quantisation=header.quantisation,
        device="cpu",
        architecture=header.architecture,
        parameters=header.parameters,
        notes=(own, *UNLIMITED, *voice.chat.notes, *anomalies),
    )
