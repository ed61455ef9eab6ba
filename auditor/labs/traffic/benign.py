"""Ordinary traffic: accounts of one kind, in sessions. Gives the rows that begin in a stretch of
time; a session may run on behind its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.labs.traffic.accounts import Accounts, addresses, picked
from auditor.labs.traffic.book import Book, Habit, Sentences, Weights
from auditor.labs.traffic.mixing import Seeds, below, fraction, mix
from auditor.labs.traffic.rhythm import (
    DAY,
    Indices,
    Seconds,
    Week,
    chance_starts,
    lengths,
    mean_length,
    spread_draws,
    timer_starts,
    within,
)
from auditor.labs.traffic.rows import NONE, RequestRows
from auditor.labs.traffic.settings import Model
from auditor.labs.traffic.wording import HOUSE, Lexicon

PRESENT = 0.85
"""How many of a class take part in a lesson."""
BENCHMARKS = 6
"""How many public collections of questions there are."""
MOST_PASTED = 5
OPENS, CLOSES = 0.3, 0.2
"""Share of chat messages with an opening, and with a closing."""


@dataclass(frozen=True)
class TimeStretch:
    """A part of the log: its number, start and end (seconds since 1970)."""

    number: int
    start: float
    end: float


def models_at(
    time: Seconds, lag: Seconds, models: tuple[Model, ...], begins: float
) -> NDArray[np.int16]:
    """The place of the newest model that each row's account has taken; one that is there from the
    beginning was taken before."""
    order = sorted(range(len(models)), key=lambda i: models[i].day)
    out = np.full(time.size, order[0], np.int16)
    for i in order[1:]:
        out[time >= begins + models[i].day * DAY + lag] = i
    return out


def numbers_of(weights: Weights, seeds: Seeds) -> NDArray[np.float32]:
    """One of the choices a seed; an empty one is NaN."""
    choices = np.array([float(c) if c else np.nan for c in weights], np.float32)
    return choices[picked(seeds, weights)]


def failed(rng: np.random.Generator, share: float, n: int) -> NDArray[np.int16]:
    """HTTP status of n rows: 200, or 429 and 500 in turn."""
    kinds = np.array([429, 429, 500], np.int16)
    return np.where(rng.random(n) < share, kinds[rng.integers(0, 3, n)], np.int16(200))


class OrdinaryTraffic:
    """The rows of one kind's accounts, stretch by stretch. ``expected``: rows over the whole
    log."""

    def __init__(
        self,
        kind: str,
        habit: Habit,
        book: Book,
        wording: Lexicon,
        accounts: Accounts,
        expected: float,
        span: tuple[float, float],
        models: tuple[Model, ...],
        seed: tuple[int, ...],
    ) -> None:
        self.kind, self.habit, self.wording, self.accounts = kind, habit, wording, accounts
        self.span, self.models, self.seed = span, models, seed
        self.week = Week.of(book.hours[habit.hours], habit.weekend)
        alive = (span[1] - np.maximum(accounts.born, span[0])) / DAY
        sessions = expected / mean_length(habit.session)
        self.rates = accounts.volume * sessions / float((accounts.volume * alive).sum())
        self.chat = tuple(wording.place(f"chat.{code}") for code in wording.languages)

    def rows(self, stretch: TimeStretch) -> RequestRows:
        """What begins in a stretch. Deterministic by seed and stretch."""
        rng = np.random.default_rng([*self.seed, stretch.number])
        who, starts = self._sessions(rng, stretch)
        alive = starts >= self.accounts.born[who]
        who, starts = who[alive], starts[alive]
        counts = lengths(rng, self.habit.session, who.size)
        session, time = within(rng, starts, counts, self.habit.gap)
        place = np.arange(session.size) - np.repeat(np.cumsum(counts) - counts, counts)
        sessions = rng.integers(0, 2**63, who.size, dtype=np.uint64)
        return self._filled(rng, who[session], time, sessions[session], place)

    def _sessions(self, rng: np.random.Generator, stretch: TimeStretch) -> tuple[Indices, Seconds]:
        zones, span = self.accounts.zone, (stretch.start, stretch.end)
        if self.habit.together:
            return self._lessons(rng, span)
        if self.habit.starts == "timer":
            return timer_starts(rng, self.week, self.rates, zones, self.accounts.seed, *span)
        return chance_starts(rng, self.week, self.rates, zones, *span)

    def _lessons(
        self, rng: np.random.Generator, span: tuple[float, float]
    ) -> tuple[Indices, Seconds]:
        """Starts of all members of a group at once, a few minutes apart."""
        _, first, inverse, size = np.unique(
            self.accounts.group, return_index=True, return_inverse=True, return_counts=True
        )
        rates = np.bincount(inverse, self.rates) / size / PRESENT
        lesson, starts = chance_starts(rng, self.week, rates, self.accounts.zone[first], *span)
        who = np.repeat(first[lesson], size[lesson])
        who += np.arange(who.size) - np.repeat(np.cumsum(size[lesson]) - size[lesson], size[lesson])
        here = rng.random(who.size) < PRESENT
        times = np.repeat(starts, size[lesson]) + rng.gamma(2.0, 120.0, who.size)
        return who[here], times[here]

    def _filled(
        self, rng: np.random.Generator, who: Indices, time: Seconds, session: Seeds, place: Indices
    ) -> RequestRows:
        habit, accounts, n = self.habit, self.accounts, who.size
        seed, owner = self._prompts(rng, who, session, place)
        settings = mix(accounts.seed[who], 41)
        context = spread_draws(rng, habit.context, n) * (1 + habit.grows * place)
        temperature = numbers_of(habit.temperature, mix(settings, 1))
        cap = np.nan_to_num(numbers_of(habit.max_tokens, mix(settings, 2)))
        return RequestRows(
            time=time,
            account=(accounts.first + who).astype(np.int32),
            seed=seed,
            theme=self._themes(seed, owner, session),
            **self._parts(rng, who, seed, owner, session),
            wanted=spread_draws(rng, habit.tokens_out, n).astype(np.int32),
            context=np.minimum(context, habit.context.most).astype(np.int32),
            cap=cap.astype(np.int32),
            temperature=temperature,
            network=addresses(accounts, who, session),
            model=models_at(time, accounts.lag[who], self.models, self.span[0]),
            status=failed(rng, habit.failures, n),
            campaign=np.full(n, NONE, np.int16),
        )

    def _prompts(
        self, rng: np.random.Generator, who: Indices, session: Seeds, place: Indices
    ) -> tuple[Seeds, Seeds]:
        """What each prompt follows from, and whose it is: fresh, or one of a pool."""
        seed = rng.integers(0, 2**63, who.size, dtype=np.uint64)
        owner = self.accounts.seed[who]
        pool = self.habit.pool
        if pool is None:
            return seed, owner
        holder = {
            "account": owner,
            "group": mix(31, np.maximum(self.accounts.group, 0))[who],
            "public": mix(32, below(mix(owner, 33), BENCHMARKS)),
        }[pool.of]
        again = rng.random(who.size) >= pool.fresh
        item = (
            (below(mix(session, 34), pool.items) + place) % pool.items
            if pool.in_order
            else (pool.items * rng.random(who.size) ** 2).astype(np.int64)
        )
        return (
            np.where(again, mix(holder, item), seed),
            np.where(again, holder, owner),
        )

    def _themes(self, seed: Seeds, owner: Seeds, session: Seeds) -> Seeds:
        """People stay with a theme for a session; programs change it with every request."""
        drawn = session if self.habit.heads == 0 else seed
        return mix(owner, below(mix(drawn, 35), self.habit.interests))

    def _parts(
        self, rng: np.random.Generator, who: Indices, seed: Seeds, owner: Seeds, session: Seeds
    ) -> dict[str, NDArray[np.int16]]:
        n, habit = who.size, self.habit
        none = np.full(n, NONE, np.int16)
        parts = dict.fromkeys(
            ("opening", "closing", "head_register", "head", "body_register", "paste_register"), none
        ) | {"bodies": np.zeros(n, np.int16), "pastes": np.zeros(n, np.int16)}
        if habit.heads:
            register = self.wording.place(f"head.{self.kind}")
            turn = below(mix(seed, 36), habit.heads)
            parts["head_register"] = np.full(n, register, np.int16)
            parts["head"] = below(mix(owner, 37, turn), self.wording.size(register)).astype(
                np.int16
            )
            house = self.wording.place(HOUSE)
            owned = fraction(mix(self.accounts.seed[who], 44)) < habit.house
            parts["opening"] = np.where(owned, np.int16(house), none)
        if habit.body is not None:
            parts |= self._body(rng, habit.body, who, seed, session)
        return parts

    def _body(
        self, rng: np.random.Generator, body: Sentences, who: Indices, seed: Seeds, session: Seeds
    ) -> dict[str, NDArray[np.int16]]:
        n = who.size
        bodies = body.least + below(mix(seed, 38), body.most - body.least + 1)
        pasted = fraction(mix(seed, 42)) < body.pasted
        pastes = np.where(pasted, 1 + below(mix(seed, 43), MOST_PASTED), 0)
        parts = {"bodies": bodies, "pastes": pastes}
        parts["paste_register"] = np.full(n, self.wording.place(body.pasted_register))
        if body.register_name == "chat":
            language = self.accounts.language[who]
            if self.habit.crowd:
                language = picked(mix(session, 39), self.wording.language_weights)
            parts["body_register"] = np.array(self.chat)[language]
            parts |= self._greetings(rng, language)
        else:
            parts["body_register"] = np.full(n, self.wording.place(body.register_name))
        return {name: values.astype(np.int16) for name, values in parts.items()}

    def _greetings(
        self, rng: np.random.Generator, language: NDArray[np.int16]
    ) -> dict[str, NDArray[np.int64]]:
        if self.habit.heads:
            return {}
        out = {}
        for part, share in (("open", OPENS), ("close", CLOSES)):
            registers = np.array(
                [self.wording.place(f"{part}.{c}") for c in self.wording.languages]
            )
            chosen = np.where(rng.random(language.size) < share, registers[language], NONE)
            out["opening" if part == "open" else "closing"] = chosen
        return out
