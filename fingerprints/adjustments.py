"""What an endpoint would not take as it was planned, and what was sent instead: as codes, which a
reply carries, and in words, which an event of its transcript tells.

Knows nothing of endpoints and replies.
"""

from __future__ import annotations

from enum import StrEnum


class Adjustment(StrEnum):
    """What an endpoint would not take as it was planned, by what was sent instead.

    ``max_completion_tokens``: the cap under that name; ``server_temperature`` and ``server_top_p``:
    none, so that the server's own default held; ``no_seed``: no seed; ``system_in_question``: the
    system text stood before the question, for want of a system role; ``no_empty_system``: no system
    turn instead of an empty one; ``streamed``: the answer came in pieces; ``longer_answer``: a
    higher cap, since there is a least one.
    """

    MAX_COMPLETION_TOKENS = "max_completion_tokens"
    SERVER_TEMPERATURE = "server_temperature"
    SERVER_TOP_P = "server_top_p"
    NO_SEED = "no_seed"
    SYSTEM_IN_QUESTION = "system_in_question"
    NO_EMPTY_SYSTEM = "no_empty_system"
    STREAMED = "streamed"
    LONGER_ANSWER = "longer_answer"


TOLD_OF: dict[Adjustment, str] = {
    Adjustment.MAX_COMPLETION_TOKENS: "the answer's cap is sent as max_completion_tokens",
    Adjustment.SERVER_TEMPERATURE: (
        "the endpoint refuses the temperature: answers are drawn at its own default, which it"
        " doesn't tell"
    ),
    Adjustment.SERVER_TOP_P: "the endpoint refuses top-p: answers are drawn at its own default",
    Adjustment.NO_SEED: "the endpoint takes no seed: samples can't be drawn again",
    Adjustment.SYSTEM_IN_QUESTION: (
        "the endpoint refuses a system turn: its text stands before the question, and an empty"
        " one is left out"
    ),
    Adjustment.NO_EMPTY_SYSTEM: "the endpoint takes no empty system turn: none is sent instead",
    Adjustment.STREAMED: "the endpoint answers in pieces only: they were put together",
    Adjustment.LONGER_ANSWER: "answers may be longer than planned: the cap sent is higher",
}
