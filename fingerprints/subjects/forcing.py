"""Budget forcing: a cap on a model's thinking, and a least amount of it, at inference (Muennighoff
et al. 2025, 2501.19393).

When the thinking reaches its cap, the end tag and an answer lead are written for the model; when it
ends too early, its end is taken away and "Wait" is written, a given number of times. Knows tokens
and tags; knows nothing of right and wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fingerprints.records import Reply, Request, Status
from fingerprints.subjects.generation import (
    Speaker,
    answer,
    halved,
    out_of_memory,
    rows_that_fit,
    written,
)
from fingerprints.subjects.prompting import NO_NUMBERS, PromptRow, first_row
from fingerprints.subjects.thinking import END_THINK, LEAD, THINK, WAIT, Forcing


def answer_forced(
    speaker: Speaker, forcing: Forcing, requests: Sequence[Request]
) -> Iterator[Reply]:
    """Answers requests with forced thinking, each reply as soon as it is there; its text holds all,
    tags and waits too.

    An answer is written in parts (thinking, thinking after each wait, answer), and a batch mixes
    parts. With a cap, the thinking comes beside the request's ``max_tokens``, else within it.
    Probes of the form completion aren't chats and are answered unforced. Greedy answers repeat,
    sampled ones under a seed too, whatever the batch. Statuses and errors are those of
    `fingerprints.subjects.generation.answer`; `forced_in` reads what was forced.
    """
    yield from answer(speaker, [r for r in requests if r.probe.form == "completion"])
    waiting: list[_ForcedDraft] = []
    for request in requests:
        if request.probe.form != "completion":
            draft = _open(speaker, forcing, request)
            if isinstance(draft, Reply):
                yield draft
            else:
                waiting.append(draft)
    waiting.sort(key=lambda d: (*d.sampling, -len(d.ids), d.request.key))
    size = speaker.batch
    while waiting:
        longest = max(len(d.ids) + len(d.said) + d.room for d in waiting[:size])
        fit = min(size, rows_that_fit(speaker, longest))
        batch = [d for d in waiting[:fit] if d.sampling == waiting[0].sampling]
        try:
            yield from _write_part(speaker, batch)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            size = halved(len(batch))
        waiting = [d for d in waiting if not d.done]


@dataclass
class _ForcedDraft:
    """One answer under way: all tokens ``said`` so far (forced ones too), of which the last part
    may still be thinking.

    ``thought`` counts the tokens of the thinking; ``answering`` is True once it is over, ``whole``
    when the model ended the answer itself.
    """

    request: Request
    prompt: str
    ids: list[int]
    forcing: Forcing
    said: list[int] = field(default_factory=list)
    thought: int = 0
    waits: int = 0
    parts: int = 0
    seconds: float = 0.0
    capped: bool = False
    answering: bool = False
    done: bool = False
    whole: bool = False
    broken: bool = False

    @property
    def sampling(self) -> tuple[float, float]:
        """Temperature and top-p; drafts are written together only where both agree."""
        return (self.request.temperature, self.request.top_p)

    @property
    def room(self) -> int:
        """Tokens that the next part may have."""
        if self.forcing.thinking is None:
            return self.request.max_tokens - len(self.said)
        return self.request.max_tokens if self.answering else self.forcing.thinking - self.thought

    def row(self) -> PromptRow:
        """The next part, to be written from everything before it."""
        return PromptRow(self.request, self.prompt, [*self.ids, *self.said], self.room, self.parts)


def _open(speaker: Speaker, forcing: Forcing, request: Request) -> _ForcedDraft | Reply:
    """The draft with its thinking opened, where the template has not opened it."""
    forced = len(_ids(speaker, f"\n{THINK}\n")) + len(_ids(speaker, f"\n{END_THINK}{LEAD}"))
    row = first_row(speaker, request, 0 if forcing.thinking is None else forcing.thinking + forced)
    if isinstance(row, Reply):
        return row
    draft = _ForcedDraft(request, row.prompt, row.ids, forcing)
    if not row.prompt.rstrip().endswith(THINK):
        # The plain form ends in "Assistant:", and what students of it learned begins with a space.
        draft.said = _ids(speaker, f"{' ' if speaker.chat.kind == 'plain' else ''}{THINK}\n")
    if draft.room < 1:
        reason = f"{request.max_tokens} tokens leave no room to think"
        size = len(row.ids)
        return request.reply(Status.ERROR, error=reason, prompt=row.prompt, tokens_in=size)
    return draft


def _write_part(speaker: Speaker, batch: Sequence[_ForcedDraft]) -> Iterator[Reply]:
    """Writes the next part of every draft; yields those that are finished."""
    rows = [draft.row() for draft in batch]
    drafts = {id(row): draft for row, draft in zip(rows, batch, strict=True)}

    def over(row: PromptRow) -> bool:
        """Whether a row's thinking has come to its end; never while it answers."""
        return not drafts[id(row)].answering and _ends_in(speaker, row.out) is not None

    for row in written(speaker, rows, over):
        draft = drafts[id(row)]
        _take(speaker, draft, row)
        if draft.done:
            yield _reply(speaker, draft)


def _take(speaker: Speaker, draft: _ForcedDraft, row: PromptRow) -> None:
    """Adds a written part to its draft, and decides what comes next."""
    draft.parts += 1
    draft.seconds += row.seconds
    draft.broken = row.broken
    if draft.answering or row.broken:
        draft.said += row.out
        draft.whole = len(row.out) < row.room
        draft.done = True
        return
    mark = _ends_in(speaker, row.out)
    capped = mark is None and len(row.out) >= row.room
    if capped and draft.forcing.thinking is None:
        draft.said += row.out
        draft.thought += len(row.out)
        draft.done = True
        return
    kept, rest = _before(speaker, row.out, mark) if mark is not None else (row.out, "")
    longer = [*kept, *_ids(speaker, _joined(speaker, kept, rest, WAIT))]
    if not capped and draft.waits < draft.forcing.waits and len(longer) < draft.room:
        draft.said += longer
        draft.thought += len(longer)
        draft.waits += 1
        return
    if mark == END_THINK:
        draft.said += row.out[: _reach(speaker, row.out, mark)]
    else:
        draft.said += [*kept, *_ids(speaker, _joined(speaker, kept, rest, f"{END_THINK}{LEAD}"))]
    draft.thought += len(kept)
    draft.capped, draft.answering = capped, True
    draft.done = draft.room < 1


def _ids(speaker: Speaker, text: str) -> list[int]:
    return [int(i) for i in speaker.tokenizer(text, add_special_tokens=False).input_ids]


def _text(speaker: Speaker, ids: Sequence[int]) -> str:
    """Tokens as text, special ones too: tags are seen whatever the tokenizer calls them."""
    how = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
    return str(speaker.tokenizer.decode(list(ids), **how))


def _ends_in(speaker: Speaker, out: Sequence[int]) -> str | None:
    """What ends a thinking first: the end tag, or plainly the next turn; None: nothing yet."""
    text = _text(speaker, out)
    marks = (END_THINK, *(speaker.chat.cut if speaker.chat.kind == "plain" else ()))
    return min((m for m in marks if m in text), key=text.index, default=None)


def _reach(speaker: Speaker, out: Sequence[int], mark: str) -> int:
    """How many of the tokens it takes until the mark is there in full."""
    return bisect_left(range(len(out) + 1), True, key=lambda n: mark in _text(speaker, out[:n]))


def _before(speaker: Speaker, out: Sequence[int], mark: str) -> tuple[list[int], str]:
    """The tokens before a mark, and the text before it that shares a token with the mark."""
    end = _reach(speaker, out, mark)
    text = _text(speaker, out[:end]).partition(mark)[0]
    while end and not text.startswith(_text(speaker, out[:end])):
        end -= 1
    return list(out[:end]), text[len(_text(speaker, out[:end])) :]


def _joined(speaker: Speaker, kept: Sequence[int], rest: str, forced: str) -> str:
    """The forced words on a line of their own, after text that has no tokens yet."""
    before = rest or _text(speaker, kept[-4:])
    return f"{rest}{forced}" if before.endswith("\n") else f"{rest}\n{forced}"


def _spoken(tokenizer: Any, ids: Sequence[int]) -> str:
    """The answer's text without special tokens, but with think tags that are special ones."""
    tags = {tokenizer.convert_tokens_to_ids(tag): tag for tag in (THINK, END_THINK)}
    special = tags.keys() & set(tokenizer.all_special_ids)
    # A tokenizer without a tag gives the id of its unknown token, which is a special one too.
    tags = {i: tags[i] for i in special if tokenizer.convert_ids_to_tokens(i) == tags[i]}
    pieces: list[str] = []
    run: list[int] = []
    for i in ids:
        if i in tags:
            pieces += [tokenizer.decode(run, skip_special_tokens=True), tags[i]]
            run = []
        else:
            run.append(i)
    return "".join([*pieces, tokenizer.decode(run, skip_special_tokens=True)])


def _reply(speaker: Speaker, draft: _ForcedDraft) -> Reply:
    request = draft.request
    if draft.broken:
        return request.reply(
            Status.ERROR, error=NO_NUMBERS, prompt=draft.prompt, tokens_in=len(draft.ids)
        )
    text, whole = _spoken(speaker.tokenizer, draft.said), draft.whole
    if speaker.chat.kind == "plain":
        thinking, end, said = text.partition(END_THINK)
        for mark in speaker.chat.cut:
            said, found, _ = said.partition(mark)
            whole = whole or bool(found)
        text = f"{thinking}{end}{said}".strip()
    end, cap = "stop" if whole else "length", " (cap)" if draft.capped else ""
    told = f"{end}; thought {draft.thought}{cap}; waits {draft.waits}"
    return request.reply(
        Status.OK if whole else Status.TRUNCATED,
        text,
        finish_reason=told,
        prompt=draft.prompt,
        tokens_in=len(draft.ids),
        tokens_out=len(draft.said),
        seconds=round(draft.seconds, 4),
    )
