"""What a suspect's files say of its origin against what its weights say: a row a place where they
say something.

A name is a claim, and may name anything; two models may share a chat template, and a commit may
mention a model for any reason. Only what is meant to name a base can be contradicted, and only
where every base so declared was compared and is independent, as `card_check` has it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from auditor.audits.lineage.records import (
    RELATED,
    DeclaredOrigin,
    DeclaredPlace,
    DeclaredStatus,
    WeightComparison,
)
from auditor.audits.lineage.run import Lineages
from fingerprints.errors import printable
from fingerprints.subjects.safety import read_config

MEANT: frozenset[DeclaredPlace] = frozenset({"card", "adapter", "config", "gguf"})
"""Places that are meant to say where a model comes from."""
LONGEST, MOST_LINES, LARGEST = 200, 20, 8 << 20
SHORTEST_NAME = 4
"""Shorter names of bases stand in too many lines by chance."""
_ENDING = re.compile(
    r"(?:[-.](?:i?q\d[a-z0-9_]*|mxfp4[a-z0-9_]*|b?f16|f32|fp8|fp16|fp32))?"
    r"(?:-\d{5}-of-\d{5})?(?:\.(?:gguf|safetensors))?$"
)
"""What a file's name has behind the model's: a quantisation, its number of several, an ending."""
_PACKED = frozenset(
    {
        *(
            "gptq",
            "awq",
            "gguf",
            "ggml",
            "mlx",
            "bnb",
            "exl2",
            "hqq",
            "nf4",
            "fp4",
            "mxfp4",
            "nvfp4",
        ),
        *("fp8", "fp16", "bf16", "fp32", "w4a16", "w8a8", "w8a16", "quantized", "quantised"),
        *(f"int{n}" for n in (2, 3, 4, 8)),
        *(f"{n}{word}" for n in (2, 3, 4, 5, 6, 8) for word in ("bit", "bits")),
    }
)
"""Words behind a repository's name that say how the same weights are packed. What says that they
were trained on (instruct, chat, distill), or how large they are, is none of these."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def declarations(found: Lineages, history: str = "") -> tuple[DeclaredOrigin, ...]:
    """Every place where the suspect's files name an origin, with what the weights say of it.
    ``history``: the text of a commit log, where one was given."""
    return tuple(_named(found)) + tuple(_templates(found)) + tuple(_commits(found, history))


def read_history(path: Path) -> str:
    """The text of a commit log, up to 8 MiB of it. Raises what opening the file raises."""
    with path.open("rb") as file:
        return file.read(LARGEST).decode("utf-8", "replace")


def _named(found: Lineages) -> Iterator[DeclaredOrigin]:
    said = found.suspect.declared
    gguf, adapter = found.suspect.weights.format == "gguf", found.suspect.weights.adapter
    card: DeclaredPlace = "gguf" if gguf else "card"
    card = "adapter" if adapter is not None else card
    yield from _agreed([_origin(found, card, one, firm=True) for one in said.base_models])
    if said.name_or_path:
        # Training from scratch with another's configuration leaves that one's name in it, and a
        # GGUF file's own name is no base's.
        yield _origin(found, card if gguf else "config", said.name_or_path)
    tokenizer = _tokenizer_name(found)
    if tokenizer:
        yield _origin(found, "tokenizer", tokenizer)


def _agreed(rows: list[DeclaredOrigin]) -> list[DeclaredOrigin]:
    """Rows of declared bases, of which none is contradicted unless all are, each by a base of its
    own: of several parents one may have left little, and makers give their models one name."""
    bases = {row.base for row in rows if row.status == "contradicted"}
    if len(bases) == len(rows):
        return rows
    return [
        row.model_copy(update={"status": "open"}) if row.status == "contradicted" else row
        for row in rows
    ]


def _tokenizer_name(found: Lineages) -> str | None:
    """Where the tokenizer says that it was loaded from."""
    path = found.suspect.weights.path / "tokenizer_config.json"
    value = read_config(path).get("name_or_path") if path.is_file() else None
    return printable(value, LONGEST) if isinstance(value, str) and value else None


def _origin(
    found: Lineages, place: DeclaredPlace, says: str, *, firm: bool = False
) -> DeclaredOrigin:
    """``firm``: the place declares a base, which can be contradicted."""
    exact = [t for t in found.told if _hub_id(t.spec) == says.lower()]
    meant = exact or [t for t in found.told if is_name_of(says, t.base)]
    if not meant:
        # Who packed another's weights declares that one, and not itself.
        own = bool(_plain(says)) and _plain(says) == _plain(found.suspect.name)
        return DeclaredOrigin(place=place, says=says, status="own_name" if own else "not_compared")
    told = min(meant, key=lambda t: t.relation not in RELATED)
    return DeclaredOrigin(
        place=place,
        says=says,
        base=told.base,
        observed=told.relation,
        status=_status(told, firm=firm and not _of_another(says, told)),
    )


def _hub_id(spec: str) -> str | None:
    """The hub's id in a spec, in small letters; None where it names something else."""
    target = spec.removeprefix("hf:").split(",")[0]
    hub = spec.startswith("hf:") and _HUB_ID.fullmatch(target) and not Path(target).exists()
    return target.lower() if hub else None


def _of_another(says: str, told: WeightComparison) -> bool:
    """Whether a hub's model was compared that is of another maker than the declared one."""
    compared, named = _hub_id(told.spec), says.rstrip("/").lower().split("/")[-2:]
    return compared is not None and len(named) == 2 and compared != "/".join(named)


def _status(told: WeightComparison, *, firm: bool) -> DeclaredStatus:
    if told.relation in RELATED:
        return "borne_out"
    return "contradicted" if told.relation == "independent" and firm else "open"


def _templates(found: Lineages) -> Iterator[DeclaredOrigin]:
    for one in found.tokenizers:
        if one.likeness is not None and one.likeness.template_equal:
            told = next((t for t in found.told if t.base == one.base), None)
            yield DeclaredOrigin(
                place="chat_template",
                says=f"that of {one.base}",
                base=one.base,
                observed=None if told is None else told.relation,
                status="open" if told is None else _status(told, firm=False),
            )


def _commits(found: Lineages, history: str) -> Iterator[DeclaredOrigin]:
    """Lines of a commit log that hold the name of a base."""
    names = {o.name: o.name.lower() for o in found.bases if len(o.name) >= SHORTEST_NAME}
    lines = (line for line in history.splitlines() if line.strip())
    hits = ((line, base) for line in lines for base, low in names.items() if low in line.lower())
    for _, (line, base) in zip(range(MOST_LINES), hits, strict=False):
        told = next((t for t in found.told if t.base == base), None)
        yield DeclaredOrigin(
            place="commits",
            says=printable(" ".join(line.split()), LONGEST),
            base=base,
            observed=None if told is None else told.relation,
            status="open" if told is None else _status(told, firm=False),
        )


def licences(found: Lineages) -> dict[str, str]:
    """The declared licence of the suspect and of every base that shares its origin, by name; what
    follows from them is not this audit's to say."""
    related = {t.base for t in found.told if t.relation in RELATED}
    models = (found.suspect, *(o for o in found.bases if o.name in related))
    return {o.name: o.declared.licence or "none declared" for o in models}


def is_name_of(declared: str, base: str) -> bool:
    """Whether a declared name and a base's name are the same but for folders, case, file endings
    and how the weights are packed. Versions, sizes and tunes count: qwen2 is not qwen2.5.

    >>> is_name_of("org/Llama-7B", "llama-7b.Q4_K_M.gguf"), is_name_of("org/phi-1", "phi-1.5")
    (True, False)
    >>> is_name_of("them/Llama-7B-GPTQ-Int4", "llama-7b"), is_name_of("a/x-Instruct-AWQ", "a/x")
    (True, False)
    """
    a, b = (_unpacked(name) for name in (declared, base))
    return bool(a) and a == b


def _unpacked(name: str) -> str:
    """The last part of a name without what says how the weights are packed."""
    plain = _plain(name)
    stem, mark, last = plain.rpartition("-")
    while mark and last in _PACKED:
        plain = stem
        stem, mark, last = plain.rpartition("-")
    return plain


def _plain(name: str) -> str:
    """The last part of a name without a file's ending."""
    return _ENDING.sub("", name.replace("\\", "/").rstrip("/").split("/")[-1].lower())


def contradicted(said: Sequence[DeclaredOrigin]) -> tuple[str, ...]:
    """The bases that the suspect's files name and its weights are independent of."""
    names = (d.base for d in said if d.status == "contradicted" and d.base is not None)
    return tuple(dict.fromkeys(names))


def declared_told(said: Sequence[DeclaredOrigin], comparisons: Sequence[WeightComparison]) -> str:
    """Declared against observed in a few sentences."""
    firm = [d for d in said if d.place in MEANT]
    names = list(dict.fromkeys(d.says for d in firm if d.status != "own_name"))
    observed = [t.base for t in comparisons if t.relation in RELATED]
    if not names:
        more = f" The weights share an origin with {', '.join(observed)}." if observed else ""
        return f"The suspect's files name no model that it comes from.{more}"
    out = [f"The suspect's files name {', '.join(names)}."]
    agreed = list(dict.fromkeys(d.base for d in firm if d.status == "borne_out" and d.base))
    against = contradicted(firm)
    if agreed:
        out.append(f"The weights bear that out for {', '.join(agreed)}.")
    if against:
        out.append(
            f"The weights contradict it: they are independent of {', '.join(against)} as far as"
            " was seen."
        )
    other = [b for b in observed if b not in agreed]
    if other:
        out.append(
            f"The weights share an origin with {', '.join(other)}, which goes by another name."
        )
    nearest = max(
        (t for t in comparisons if t.relation in RELATED and t.likeness is not None),
        key=lambda t: t.likeness or 0.0,
        default=None,
    )
    if agreed and nearest is not None and nearest.base not in agreed:
        out.append(f"They are nearest to {nearest.base}.")
    if len(out) == 1:
        compared = any(d.base is not None for d in firm)
        out.append(
            "Whether the weights bear that out is open."
            if compared
            else "No base of that name was compared."
        )
    return " ".join(out)
