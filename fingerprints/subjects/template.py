"""Turns a request into the text that the model reads: its own chat template, or a plain one that is
declared.

Knows roles and templates; knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jinja2

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.records import Request

PLAIN_TURNS = {"system": "{}\n", "user": "User: {}\n", "assistant": "Assistant: {}\n"}
PLAIN_STOP = "\nUser:"
MARKER = "auditor-marker-7f3a"

Messages = Sequence[dict[str, str]]
TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
)
"""What a template can raise: Jinja's own errors, and Python's when it treats a value as what it
is not."""


def plain(messages: Messages) -> str:
    """The declared plain form: ``User: …`` and ``Assistant:`` lines, the system text as a first
    line of its own.

    >>> plain([{"role": "user", "content": "Hi"}])
    'User: Hi\\nAssistant:'
    """
    said = (m for m in messages if m["content"] or m["role"] != "system")
    return "".join(PLAIN_TURNS[m["role"]].format(m["content"]) for m in said) + "Assistant:"


def fold_system(messages: Messages) -> list[dict[str, str]]:
    """The conversation with its system text in the first user turn, for want of that role."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system" and m["content"])
    rest = [dict(m) for m in messages if m["role"] != "system"]
    first = next((m for m in rest if m["role"] == "user"), None)
    if system and first is not None:
        first["content"] = f"{system}\n\n{first['content']}"
    return rest


def render_with(tokenizer: Any, messages: Messages, *, answer: bool = True) -> str:
    """What the chat template makes of messages, as text. Raises what it raises."""
    return str(
        tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answer)
    )


@dataclass
class Chat:
    """How one model is spoken to: by its template or plainly, and whether it knows a system role.

    ``stop`` holds ids of the tokens that end a turn, ``cut`` texts after which a plain answer is
    over.
    """

    tokenizer: Any
    kind: Literal["model", "plain"]
    takes_system: bool = True
    stop: tuple[int, ...] = ()
    cut: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def render(self, request: Request) -> str:
        """The prompt's text. Raises MalformedInput where the template fails on it."""
        if request.probe.form == "completion":
            return request.probe.text
        messages = request.messages()
        if self.kind == "plain":
            return plain(messages)
        turns = messages if self.takes_system else fold_system(messages)
        try:
            return render_with(self.tokenizer, turns)
        except TEMPLATE_ERRORS as error:
            raise MalformedInput(
                f"the chat template fails: {printable(' '.join(str(error).split()), 120)}",
                where=request.probe.id,
                next_step="use the option template=plain",
            ) from error

    def encode(self, request: Request, text: str) -> list[int]:
        """Token ids of a prompt; a template writes its own beginning-of-text token."""
        templated = self.kind == "model" and request.probe.form != "completion"
        return [int(i) for i in self.tokenizer(text, add_special_tokens=not templated).input_ids]


def open_chat(tokenizer: Any, option: str | None) -> Chat:
    """The chat form of a tokenizer: its own template, or plain for want of one or by ``option``."""
    if option == "plain" or not tokenizer.chat_template:
        reason = "asked for" if option == "plain" else "the model has no chat template"
        said = f"plain template 'User: … Assistant:' ({reason})"
        return Chat(tokenizer, "plain", cut=(PLAIN_STOP,), notes=(said,))
    takes_system = _takes_system(tokenizer)
    folded = "the chat template refuses the system role: its text is put in front of the user's"
    notes = () if takes_system else (folded,)
    return Chat(tokenizer, "model", takes_system, _end_of_turn(tokenizer), notes=notes)


def template_option(options: Mapping[str, str]) -> str | None:
    """The option ``template``: "plain", None for the model's own, else UsageProblem."""
    value = options.get("template", "model")
    if value not in ("model", "plain"):
        said = f"unknown template {printable(value, 30)!r}"
        raise UsageProblem(said, where="template", next_step="use plain, or leave it out")
    return "plain" if value == "plain" else None


def _takes_system(tokenizer: Any) -> bool:
    turns = [{"role": "system", "content": MARKER}, {"role": "user", "content": "Hi"}]
    try:
        render_with(tokenizer, turns)
    except TEMPLATE_ERRORS:
        return False
    return True


def _end_of_turn(tokenizer: Any) -> tuple[int, ...]:
    """The special token that the template writes right after an answer, where there is one."""
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": MARKER}]
    try:
        _, _, tail = render_with(tokenizer, turns, answer=False).rpartition(MARKER)
    except TEMPLATE_ERRORS:
        return ()
    special = {int(i) for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    ids = tokenizer(tail.lstrip()[:200], add_special_tokens=False).input_ids if tail.strip() else []
    return (int(ids[0]),) if ids and ids[0] in special else ()
