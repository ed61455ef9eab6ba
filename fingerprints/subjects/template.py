"""Turns a request into the text that the model reads: its own chat template, or a plain one that is
declared.

Knows roles and templates; knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jinja2

from fingerprints.errors import MalformedInput, printable
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
    return (
        "".join(
            PLAIN_TURNS[m["role"]].format(m["content"])
            for m in messages
            if m["content"] or m["role"] != "system"
        )
        + "Assistant:"
    )


def fold_system(messages: Messages) -> list[dict[str, str]]:
    """The same conversation with the system text put in front of the first user turn, for
    templates without that role."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system" and m["content"])
    rest = [dict(m) for m in messages if m["role"] != "system"]
    first = next((m for m in rest if m["role"] == "user"), None)
    if system and first is not None:
        first["content"] = f"{system}\n\n{first['content']}"
    return rest


def render_with(tokenizer: Any, messages: Messages, *, answer: bool = True) -> str:
    """What the tokenizer's chat template makes of messages, as text. Raises what the template
    raises."""
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
        """The prompt's text. Raises MalformedInput where the template fails on this
        conversation."""
        if request.probe.form == "completion":
            return request.probe.text
        messages = request.messages()
        if self.kind == "plain":
            return plain(messages)
        try:
            return render_with(
                self.tokenizer, messages if self.takes_system else fold_system(messages)
            )
        except TEMPLATE_ERRORS as error:
            raise MalformedInput(
                f"the chat template fails: {printable(' '.join(str(error).split()), 120)}",
                where=request.probe.id,
                next_step="use the option template=plain",
            ) from error

    def encode(self, request: Request, text: str) -> list[int]:
        """Token ids of a rendered prompt; a template writes its own beginning-of-text token, so
        none is added twice."""
        templated = self.kind == "model" and request.probe.form != "completion"
        return [int(i) for i in self.tokenizer(text, add_special_tokens=not templated).input_ids]


def open_chat(tokenizer: Any, option: str | None) -> Chat:
    """The chat form of a tokenizer: its own template, or the plain one where it has none or
    ``option`` is "plain"."""
    if option == "plain" or not tokenizer.chat_template:
        reason = "asked for" if option == "plain" else "the model has no chat template"
        return Chat(
            tokenizer,
            "plain",
            cut=(PLAIN_STOP,),
            notes=(f"plain template 'User: … Assistant:' ({reason})",),
        )
    takes_system = _takes_system(tokenizer)
    notes = (
        ()
        if takes_system
        else ("the chat template refuses the system role: its text is put in front of the user's",)
    )
    return Chat(tokenizer, "model", takes_system, _end_of_turn(tokenizer), notes=notes)


def _takes_system(tokenizer: Any) -> bool:
    try:
        render_with(
            tokenizer, [{"role": "system", "content": MARKER}, {"role": "user", "content": "Hi"}]
        )
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
