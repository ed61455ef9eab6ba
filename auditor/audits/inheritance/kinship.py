"""Is the suspect kin of a candidate? What weights, digests, the user and the suspect's own files
say of its base and its maker, before its answers are weighed.

Knows records and names; judges no answer. A name is a claim, and is told as one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from auditor.audits.inheritance.base_model import Base, is_below
from auditor.audits.inheritance.plan import Plan
from auditor.audits.lineage.records import RELATED
from auditor.audits.lineage.within import Within
from auditor.evidence.codes import Kinship
from auditor.evidence.groups import CandidateGroup, groups_of
from auditor.evidence.kinship import FEWEST_EQUAL, MOSTLY_EQUAL, Kin, Open, Tie
from auditor.evidence.records import Candidate
from detectors.text.model_names import makers_named, meant, same_maker, without_folders
from detectors.text.vendors import vendor_slug
from fingerprints.catalog_rows import StoredTeacher
from fingerprints.errors import AuditError, printable
from fingerprints.records import Identity
from fingerprints.subjects.spec import parse_spec
from fingerprints.weights.card import DeclaredLineage

HOW = {"derived": "are derived one from the other", "derived_in_part": "have parts in common"}
"""What comparing weights says of two models that share an origin, in words."""


def kinship(
    plan: Plan,
    suspect: Identity,
    base: Base | None,
    within: Within,
    candidates: Sequence[Candidate],
    stored: Sequence[StoredTeacher] = (),
    base_answers: Collection[str] = (),
) -> Kin:
    """What is known of the suspect's kinship with each group of candidates, and what isn't known.

    ``stored`` are all models of the store: a base may be one of them that is no candidate;
    ``base_answers`` names the candidates whose answers nearly all of the base's are, word for word.
    A base of a candidate's maker makes them kin, tuned or not: what it brought can't be told from
    what was learned. Nothing here rests on what an answer is like, only on whether nearly all are
    the same. What the user says is believed and told as given: it can only take a candidate out.
    """
    declared = within.declared
    origins = _origins(declared, suspect)
    groups, ties = groups_of(candidates), dict[str, list[Tie]]()
    for group in groups:
        members = [c for c in candidates if c.name in group.members]
        found = [
            *_by_digest(suspect, members),
            *_by_answers(members),
            *_by_user(plan, group),
            *_by_base(base, group, stored, suspect),
            *_by_base_answers(base, [m for m in group.members if m in base_answers], suspect),
            *_by_weights(within, group, stored),
            *_by_files(origins, group),
        ]
        if found:
            ties[group.name] = found
    hints = tuple(
        hint
        for group in groups
        if group.name not in ties
        for hint in _hints(suspect, declared, group, candidates)
    )
    open_ = _open(plan, base, within, origins, stored)
    hints = (*slip_of(plan.vendor, stored), *hints)
    return Kin(ties, open_, hints, _given(plan, base, suspect, within, origins))


def slip_of(vendor: str, stored: Sequence[StoredTeacher]) -> tuple[str, ...]:
    """What to say of a maker's name that nobody has and that is near to one: a slip there would
    leave its own maker's models among the candidates. Empty where there is nothing to say."""
    maker = meant(vendor, [r.vendor for r in stored])
    if maker is None:
        return ()
    return (
        f"No maker is called {printable(vendor, 80)} (--vendor), in the store or in the table of"
        f" makers: did you mean {printable(maker, 80)}? As it is written nobody is taken for the"
        " suspect's own maker.",
    )


def _by_digest(suspect: Identity, members: Sequence[Candidate]) -> Iterator[Tie]:
    same = [c.name for c in members if suspect.same_weights(c.identity)]
    if same:
        yield _tie("same_weights", "the suspect has the weights of {} (equal SHA-256)", same)
    below = [c.name for c in members if is_below(suspect, c.identity)]
    if below:
        told = "the suspect is an adapter on the weights of {} (equal SHA-256)"
        yield _tie("shared_weights", told, below)
    beside = [
        c.name
        for c in members
        if suspect.weights_sha256 is not None
        and suspect.weights_sha256 == c.identity.weights_sha256
        and c.name not in (*same, *below)
    ]
    if beside:
        told = "the suspect lies on the same weights as {} (equal SHA-256)"
        yield _tie("shared_weights", told, beside)


def _by_answers(members: Sequence[Candidate]) -> Iterator[Tie]:
    """Answers that are the same word for word are a model's own, copied or asked again: no student
    writes so."""
    same = [
        c.name
        for c in members
        if c.n_shared >= FEWEST_EQUAL and c.n_identical >= MOSTLY_EQUAL * c.n_shared
    ]
    if same:
        yield _tie("same_answers", "nearly all its answers are those of {} word for word", same)


def _by_user(plan: Plan, group: CandidateGroup) -> Iterator[Tie]:
    if _is_of(group, plan.vendor):
        told = "{} is the suspect's own maker, as given by the user"
        yield _tie("own_maker", told, [plan.vendor], given=True)


def _by_base(
    base: Base | None, group: CandidateGroup, stored: Sequence[StoredTeacher], suspect: Identity
) -> Iterator[Tie]:
    name, names, makers = _base_known(base, stored)
    given = _only_given(base, suspect)
    its = "its base {}, as given by the user," if given else "its base {}"
    if name and (name in group.members or any(_is_of(group, m) for m in makers)):
        yield _tie("base", f"{its} is a model of theirs", [name], given)
    elif _names(group, *names):
        yield _tie("base", f"{its} is a model of theirs by its name", [name], given)


def _by_base_answers(base: Base | None, members: Sequence[str], suspect: Identity) -> Iterator[Tie]:
    """A base that says what a stored model says is that model, or a copy, whatever it is called."""
    if base is not None and members:
        given = _only_given(base, suspect)
        name, theirs = (printable(n, 80) for n in (base.teacher.name, ", ".join(members)))
        its = f"its base {name}, as given by the user," if given else f"its base {name}"
        told = f"nearly all answers of {its} are those of {theirs} word for word"
        yield Tie("same_answers", told, given)


def _only_given(base: Base | None, suspect: Identity) -> bool:
    """Whether nobody but the user says that this is the base."""
    return (
        base is not None
        and base.origin == "user"
        and not is_below(suspect, base.teacher.transcript.identity)
    )


def _given(
    plan: Plan, base: Base | None, suspect: Identity, within: Within, origins: Sequence[str]
) -> tuple[Open, ...]:
    """What of base and maker is known by the user's word alone."""
    told = () if within.found is None else within.found.told
    shown = bool(origins) or any(t.relation in RELATED for t in told)
    given: list[Open] = ["base"] if _only_given(base, suspect) and not shown else []
    return tuple([*given, "maker"] if plan.vendor else given)


def _base_known(
    base: Base | None, stored: Sequence[StoredTeacher]
) -> tuple[str, tuple[str, ...], list[str]]:
    """The base's name, all names that it goes by, and its makers by the store; empty where nobody
    says which it is."""
    if base is None:
        return "", (), []
    teacher, identity = base.teacher, base.teacher.transcript.identity
    makers = [m for m in (teacher.vendor, *_makers_of(identity, stored)) if m]
    names = (teacher.name, identity.name, _place(base.spec))
    return teacher.name, tuple(filter(None, names)), makers


def _by_weights(
    within: Within, group: CandidateGroup, stored: Sequence[StoredTeacher]
) -> Iterator[Tie]:
    known = {r.name: r.vendor for r in stored}
    for told in () if within.found is None else within.found.told:
        theirs = told.base in group.members or _is_of(group, known.get(told.base, ""))
        if told.relation in RELATED and (theirs or _names(group, told.base, _place(told.spec))):
            how = HOW.get(told.relation, "began alike")
            clause = f"its weights and those of {{}}, a model of theirs, {how}"
            yield _tie("compared_weights", clause, [told.base])


def _by_files(origins: Sequence[str], group: CandidateGroup) -> Iterator[Tie]:
    names = [n for n in origins if _names(group, n)]
    if names:
        yield _tie("declared", "the suspect's own files say that it comes from {}", names)


def _hints(
    suspect: Identity,
    declared: DeclaredLineage,
    group: CandidateGroup,
    candidates: Sequence[Candidate],
) -> Iterator[str]:
    """What makes kinship likely and shows none: makers use each other's tokenizers, and a model's
    own name may as well hold its teacher's."""
    tokenizer = suspect.tokenizer_sha256
    alike = [
        c.name
        for c in candidates
        if c.name in group.members and tokenizer and c.identity.tokenizer_sha256 == tokenizer
    ]
    if alike:
        yield (
            f"The suspect has the tokenizer of {', '.join(alike)} (equal SHA-256): a common base is"
            " likely, and would explain likeness. Name it with --base."
        )
    own = [n for n in {suspect.name, declared.name_or_path or ""} if n and _names(group, n)]
    if own:
        yield (
            f"The suspect goes by the name {printable(min(own), 80)}, which is a name"
            f" of {group.maker or group.name}: kin of theirs may be called so, and a student of"
            " theirs, too."
        )


def _open(
    plan: Plan,
    base: Base | None,
    within: Within,
    origins: Sequence[str],
    stored: Sequence[StoredTeacher],
) -> tuple[Open, ...]:
    """What isn't known: a base of which no store and no name says whose it is, a maker that nobody
    named."""
    _, names, makers = _base_known(base, stored)
    told = () if within.found is None else within.found.told
    names = (*names, *origins, *(t.base for t in told if t.relation in RELATED))
    known = bool(makers) or any(makers_named(n) for n in names)
    missing: list[Open] = [] if known else ["base"]
    return tuple(missing if plan.vendor else [*missing, "maker"])


def _origins(declared: DeclaredLineage, suspect: Identity) -> tuple[str, ...]:
    """The names of models that a model says it was made from: not its own, which may hold
    anything."""
    kept_from = declared.name_or_path or ""
    own = suspect.kind == "gguf" or _last(kept_from) == _last(suspect.name)
    return tuple(filter(None, (*declared.base_models, "" if own else kept_from)))


def _makers_of(identity: Identity, stored: Sequence[StoredTeacher]) -> list[str]:
    """Who made the stored models that have these weights."""
    sha = identity.weights_sha256
    return [r.vendor for r in stored if sha is not None and r.identity.weights_sha256 == sha]


def _is_of(group: CandidateGroup, maker: str) -> bool:
    """Whether the group is of this maker: by the store's word, else by its models' names."""
    if not maker:
        return False
    if group.maker:
        return same_maker(group.maker, maker)
    return vendor_slug(maker) in {slug for m in group.members for slug in makers_named(m)}


def _names(group: CandidateGroup, *names: str) -> bool:
    """Whether a model's name holds the group's maker, or is that of one of its models."""
    if group.maker:
        own = {vendor_slug(group.maker)}
    else:
        own = {slug for m in group.members for slug in makers_named(m)}
    words = {w for n in names for w in re.split(r"\W+", without_folders(n).casefold())}
    return (
        bool(own & {slug for name in names for slug in makers_named(name)})
        or (bool(group.maker) and group.maker.casefold() in words)
        or bool({_last(n) for n in names if n} & {_last(m) for m in group.members})
    )


def _last(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").split("/")[-1].casefold()


def _place(spec: str | None) -> str:
    """What a spec opens, without its scheme and options; empty for none."""
    if spec is None:
        return ""
    try:
        return parse_spec(spec).target
    except AuditError:
        return ""


def _tie(kinship: Kinship, told: str, names: Sequence[str], given: bool = False) -> Tie:
    return Tie(kinship, told.format(", ".join(printable(n, 80) for n in names)), given)
