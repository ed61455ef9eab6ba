"""What an endpoint run may use up: tokens and money. A call is made only where its worst case still
fits.

Knows numbers; knows nothing of endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fingerprints.records import Request

BYTES_A_TOKEN = 4
"""As in English prose; it serves where a server's count is missing or can't be."""
TURN_OVERHEAD = 8  # a template's role and marks around each turn
SANE_TOKENS = 10_000_000
"""More than any model reads or writes in one call: a count above it is an error or a lie."""


@dataclass(frozen=True)
class Use:
    """Tokens read and written."""

    read: int = 0
    written: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(self.read + other.read, self.written + other.written)


@dataclass
class Budget:
    """Caps on tokens and cost (None: no cap) with what is spent and what calls under way may still
    take.

    Prices are per million tokens, in the currency of the cost cap. Used from one thread.
    """

    tokens: int | None = None
    cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    spent: Use = field(default_factory=Use)
    promised: Use = field(default_factory=Use)

    def fits(self, worst: Use) -> bool:
        """Whether such a call stays within both caps, whatever the calls under way take."""
        total = self.spent + self.promised + worst
        if self.tokens is not None and total.read + total.written > self.tokens:
            return False
        return self.cost is None or self.price(total) <= self.cost

    def price(self, use: Use) -> float:
        """What that many tokens cost."""
        return (use.read * self.price_in + use.written * self.price_out) / 1e6

    def promise(self, worst: Use) -> None:
        """Sets the worst case of a call aside while it is under way."""
        self.promised = self.promised + worst

    def settle(self, worst: Use, taken: Use) -> None:
        """Replaces a call's worst case by what it took."""
        self.promised = self.promised + Use(-worst.read, -worst.written)
        self.spent = self.spent + taken


def worst_case(request: Request) -> Use:
    """The most that a request can take: a token is at least one byte of the prompt, and the
    answer may be as long as asked."""
    turns = request.messages()
    read = sum(len(turn["content"].encode("utf-8")) + TURN_OVERHEAD for turn in turns)
    return Use(read, request.max_tokens)


def sane_count(value: object) -> int | None:
    """A server's token count if it can be one: a whole number from 0 to ten million; else None."""
    sane = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SANE_TOKENS
    return value if sane and isinstance(value, int) else None


def estimate(text: str) -> int:
    """About how many tokens a text has, where a server gives no sane count."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)
