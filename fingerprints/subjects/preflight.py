"""Loads a stranger's tokenizer and renders its chat template in a limited child, before this
process touches either.

Tokenizers can abort a process and templates can spin for ever; both can also quietly change what a
model is asked, which is a fact about the evidence. The child (this module, run with ``-m``) imports
no torch. Knows tokenizers and templates; knows nothing of weights.
"""

from __future__ import annotations

import hashlib
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError

from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, UnsafeInput, printable
from fingerprints.records import Arm, Probe, Request, sha256
from fingerprints.subjects.cache import cache_folder, file_sha256, note, noted
from fingerprints.subjects.child import limit_further, run_limited, speak, speak_error
from fingerprints.subjects.spec import PICKLES
from fingerprints.subjects.template import TEMPLATE_ERRORS, fold_system, render_with

# A stranger's template may loop, or build text without end, and its tokenizer may ask for any
# memory: the child that tries them out has these limits.
MEMORY = 4 << 30
SECONDS = 60
RENDER_SECONDS = 2
RENDER_MEMORY = 512 << 20
LONGEST_PROMPT = 1 << 20
QUESTION = "Which bird sings at 4 o'clock? Quel oiseau? 哪只鸟？ أي طائر؟ 🐦"
WEIGHTS = frozenset({".safetensors", ".gguf"}) | PICKLES
ROLES = frozenset({"", "system", "user", "assistant", "model"})
READ_IT = "read the template; the option template=plain goes without it"
INTERNALS = re.compile(r"__\w{2,40}__")
# NotImplementedError is a RuntimeError, KeyError and IndexError are LookupErrors.
LOADING_ERRORS = (ValueError, LookupError, TypeError, AttributeError, OSError, RuntimeError)
"""What transformers raises for files that are not what they claim to be."""


def preflight(folder: Path, template: str | None) -> tuple[str, ...]:
    """What a checkpoint's chat template does that a reader must know, as sentences; raises if it
    can't be used safely.

    ``template`` is the spec's option ("plain" skips the model's own). A success is remembered in
    the cache by the digests of every small file of the folder. Raises MalformedInput (a broken
    tokenizer or template), UnsafeInput (a template that reaches for what it may not, a tokenizer
    that aborts) or ResourceLimit (time, memory, output).
    """
    return remembered(
        _key(folder, template),
        lambda: run_limited(
            "fingerprints.subjects.preflight",
            [str(folder.resolve()), template or "model"],
            memory=MEMORY,
            seconds=SECONDS,
            where=folder,
        ),
    )


def remembered(key: str, look: Callable[[], dict[str, Any]]) -> tuple[str, ...]:
    """The anomalies that a child told of before under this key, or tells now."""
    place = cache_folder() / "preflight" / f"{key}.json"
    known = noted(place).get("anomalies")
    if isinstance(known, list):
        return tuple(str(a) for a in known)
    anomalies = tuple(str(a) for a in look().get("anomalies", []))
    note(place, {"anomalies": anomalies})
    return anomalies


def said_by(error: Exception, limit: int = 160) -> str:
    """A library's error on one line, fit for a terminal."""
    return printable(" ".join(str(error).split()), limit)


def no_tokenizer(error: Exception, folder: Path) -> MalformedInput:
    """The error for a tokenizer that the library can't load."""
    return MalformedInput(
        f"the tokenizer can't be loaded: {said_by(error)}",
        where=folder,
        next_step="copy tokenizer.json and tokenizer_config.json beside the weights",
    )


def _key(folder: Path, template: str | None) -> str:
    small = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix not in WEIGHTS)
    digest = hashlib.sha256(f"3 {version('transformers')} {template}".encode())
    for path in small:
        digest.update(f"{path.name}\0{file_sha256(path)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def examine(folder: Path, template: str) -> dict[str, Any]:
    """Loads the tokenizer and renders the three arms; the child's part. Raises the errors that
    `preflight` names."""
    return examined(_load(folder), template, folder)


def examined(tokenizer: Any, template: str, where: Path) -> dict[str, Any]:
    """What a loaded tokenizer and its template do with the three arms; the child's part."""
    _within(SECONDS // 2, lambda: tokenizer(QUESTION, add_special_tokens=True))
    if template == "plain" or not tokenizer.chat_template:
        return {"anomalies": []}
    limit_further(RENDER_MEMORY)
    prompts = {arm: _render(tokenizer, arm, where) for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)}
    for text in prompts.values():
        _within(SECONDS // 2, partial(tokenizer, text, add_special_tokens=False))
    return {
        "anomalies": anomalies_of(prompts, tokenizer),
        "prompts": {arm.value: text for arm, text in prompts.items()},
        "digests": {arm.value: sha256(text) for arm, text in prompts.items()},
    }


def anomalies_of(prompts: dict[Arm, str], tokenizer: Any) -> list[str]:
    """What a template dropped from, or added to, the conversations it was given."""
    out = []
    for arm, text in prompts.items():
        for message in Request(probe=Probe(id="preflight", text=QUESTION), arm=arm).messages():
            if message["content"] not in text:
                what = f"the {message['role']} text ({arm.value} arm)"
                out.append(f"the chat template drops or changes {what}")
    added = _added(prompts[Arm.OWN], tokenizer)
    if len(added) > 12:
        out.append(f"the chat template adds text of its own: {printable(added, 160)!r}")
    if INTERNALS.search(str(tokenizer.chat_template)):
        out.append("the chat template names Python internals; the sandbox gave it none")
    return out


def _added(text: str, tokenizer: Any) -> str:
    rest = text.replace(QUESTION, "\n")
    tokens = {str(token) for token in tokenizer.added_tokens_decoder.values()}
    for token in sorted(tokens, key=len, reverse=True):
        rest = rest.replace(token, "\n")
    lines = (line.strip() for line in rest.splitlines())
    return " ".join(line for line in lines if line not in ROLES)


def _load(folder: Path) -> Any:
    from transformers import AutoTokenizer

    def load() -> Any:
        """The tokenizer, from this folder's files alone and without their code."""
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )

    try:
        return _within(SECONDS - 15, load)
    except (*LOADING_ERRORS, ImportError) as error:
        raise no_tokenizer(error, folder) from error


def _render(tokenizer: Any, arm: Arm, folder: Path) -> str:
    messages = Request(probe=Probe(id="preflight", text=QUESTION), arm=arm).messages()
    try:
        text = str(_within(RENDER_SECONDS, lambda: _render_or_fold(tokenizer, messages)))
    except SecurityError as error:
        raise UnsafeInput(
            f"the chat template reaches for what a template may not: {printable(str(error), 120)}",
            where=folder,
            next_step=READ_IT,
        ) from error
    except (MemoryError, OverflowError) as error:
        raise _exhausting("memory", folder) from error
    except TEMPLATE_ERRORS as error:
        raise MalformedInput(
            f"the chat template fails: {said_by(error, 120)}",
            where=folder,
            next_step="mend it, or go without it: template=plain",
        ) from error
    if len(text) > LONGEST_PROMPT:
        raise _exhausting("output", folder)
    return text


def _render_or_fold(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    try:
        return render_with(tokenizer, messages)
    except SecurityError:
        raise
    except jinja2.TemplateError:
        if messages[0]["role"] != "system":
            raise
        return render_with(tokenizer, fold_system(messages))


def _exhausting(what: str, folder: Path) -> ResourceLimit:
    said = f"the chat template passes the limit on {what}"
    return ResourceLimit(said, where=folder, next_step=READ_IT)


def _within(seconds: int, do: Callable[[], Any]) -> Any:
    """Does one thing under an alarm whose default is to end this process, which no hanging C
    code can stop; without alarms (Windows) the parent's clock ends it."""
    if not hasattr(signal, "setitimer"):
        return do()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return do()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main(folder: str, template: str) -> None:
    """Examines one folder and says what was found, or the error."""
    # A tokenizer needs no torch, and without it this process starts in a third of the time and
    # stays small. None makes an import fail, which the types of the table leave out.
    sys.modules["torch"] = None  # type: ignore[assignment]
    tell(lambda: examine(Path(folder), template), folder)


def tell(look: Callable[[], dict[str, Any]], where: str) -> None:
    """Says what was found, or the error, as the child's one answer."""
    try:
        speak(look())
    except AuditError as error:
        speak_error(error)
    except MemoryError:
        said, step = "the tokenizer passes the limit on memory", "look at it in a sandbox"
        speak_error(ResourceLimit(said, where=where, next_step=step))
    except BaseException as error:
        # The tokenizers library panics with what is no Exception, and can't be imported.
        if type(error).__name__ != "PanicException":
            raise
        said, step = "the tokenizer makes its library panic", "do not open this checkpoint"
        speak_error(UnsafeInput(said, where=where, next_step=step))


if __name__ == "__main__":
    main(*sys.argv[1:])
