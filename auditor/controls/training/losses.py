"""What a student is trained to lower: cross-entropy, divergences from a teacher's distribution.

Pure tensor functions. Knows logits and labels; knows nothing of models, texts and files. Everything
is computed in float32, whatever the logits' own format, and in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from auditor.controls.recipe import Distillation
from fingerprints.errors import UsageProblem

IGNORED = -100
"""The label of a position that is not learned from."""
ROWS_AT_ONCE = 64
"""Rows of logits that are held in float32 at once: 12 MiB at 50,000 tokens."""


@dataclass(frozen=True)
class TopLogits:
    """A next-token distribution by its likeliest tokens, one row a position.

    ``tokens``: (positions, k), ids; ``logs``: (positions, k), log-probabilities at the temperature
    they were taken at; ``rest``: (positions,), log of what all other tokens have together, None
    where k is the whole vocabulary.
    """

    tokens: Tensor
    logs: Tensor
    rest: Tensor | None


def log_distribution(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probabilities (…, vocabulary) of logits divided by a temperature above 0, in float32."""
    return functional.log_softmax(logits.float() / temperature, dim=-1)


def masked_mean(values: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
    """Mean of ``values`` where ``mask`` holds, over ``count`` positions when given (all
    micro-batches of a step together).

    Both are (…); the result is a scalar, 0 where nothing is masked in.
    """
    total = int(mask.sum()) if count is None else count
    return torch.where(mask, values, 0.0).sum() / max(1, total)


def cross_entropy(logits: Tensor, labels: Tensor, count: int | None = None) -> Tensor:
    """Mean negative log-likelihood of the labels, in nats a token.

    ``logits``: (…, vocabulary), where position i predicts label i; ``labels``: (…), `IGNORED` where
    nothing is learned.
    """
    flat = row_losses(logits.flatten(0, -2), labels.flatten())
    return masked_mean(flat, labels.flatten() != IGNORED, count)


def row_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Negative log-likelihood of each row's label, (rows,); 0 where it is `IGNORED`.

    Values and gradients are bit by bit those of the whole at once, but float32 copies of the logits
    exist for a few rows at a time: on large vocabularies they are most of a step's memory
    otherwise. The gradient's own gradient is not defined.
    """
    losses: Tensor = _RowLosses.apply(logits, labels)  # type: ignore[no-untyped-call]  # torch has no types for it
    return losses


class _RowLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        """(rows,), `ROWS_AT_ONCE` rows in float32 at a time."""
        ctx.save_for_backward(logits, labels)
        cut = (torch.split(whole, ROWS_AT_ONCE) for whole in (logits, labels))
        pieces = zip(*cut, strict=True)
        return torch.cat([_likelihood(some, wanted) for some, wanted in pieces])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """The gradient for the logits, (rows, vocabulary), by computing the same rows again;
        none for the labels."""
        logits, labels = ctx.saved_tensors
        out = torch.empty_like(logits)
        for start in range(0, len(labels), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            some = logits[rows].detach().requires_grad_()
            with torch.enable_grad():
                losses = _likelihood(some, labels[rows])
            out[rows] = torch.autograd.grad(losses, some, grads[0][rows])[0]
        return out, None


def _likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="none")


def forward_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher ‖ student) of each position from log-probabilities (…, outcomes): covers all
    that the teacher might say."""
    return (teacher.exp() * (teacher - student)).sum(-1)


def reverse_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(student ‖ teacher) of each position: keeps to what the teacher finds likely (MiniLLM;
    Gu et al. 2023, 2306.08543)."""
    return forward_kl(teacher, student)


def jsd(student: Tensor, teacher: Tensor, beta: float) -> Tensor:
    """The generalised Jensen-Shannon divergence of each position (GKD, arXiv 2306.13649, eq. 1).

    β·KL(teacher ‖ m) + (1 − β)·KL(student ‖ m) with m = β·teacher + (1 − β)·student and 0 < β < 1.
    Symmetric at β = ½ and then at most log 2. Divided by β it tends to the forward KL as β → 0,
    divided by 1 − β to the reverse KL as β → 1. Raises UsageProblem for another β.
    """
    if not 0 < beta < 1:
        raise UsageProblem(
            f"beta is {beta:g}",
            where="distillation.beta",
            next_step="give a number between 0 and 1",
        )
    mixture = torch.logaddexp(teacher + math.log(beta), student + math.log1p(-beta))
    return beta * forward_kl(mixture, teacher) + (1 - beta) * forward_kl(mixture, student)


def top_logits(logits: Tensor, k: int | None, temperature: float) -> TopLogits:
    """The k likeliest tokens of every position, with the mass of all others as one outcome.

    ``k`` None, or no smaller than the vocabulary, keeps everything. Ties go the way of
    `torch.topk`.
    """
    logs = log_distribution(logits, temperature)
    size = logs.shape[-1]
    best, tokens = torch.topk(logs, min(k or size, size), dim=-1)
    return TopLogits(tokens, best, _rest(logs, tokens) if best.shape[-1] < size else None)


def outcomes(top: TopLogits) -> Tensor:
    """Log-probabilities of the named tokens and of any rest, (positions, k or k + 1)."""
    return top.logs if top.rest is None else torch.cat([top.logs, top.rest[:, None]], dim=-1)


def lumped(logits: Tensor, top: TopLogits, temperature: float) -> Tensor:
    """A student's log-probabilities of the outcomes that a `TopLogits` names, in its order."""
    logs = log_distribution(logits, temperature)
    named = logs.gather(-1, top.tokens)
    return outcomes(
        TopLogits(top.tokens, named, None if top.rest is None else _rest(logs, top.tokens))
    )


def divergence(logits: Tensor, top: TopLogits, settings: Distillation) -> Tensor:
    """How far each position is from the teacher, times T² so that T keeps the gradients' size.

    The factor is Hinton et al.'s (2015, arXiv 1503.02531). ``top`` must have been taken at the same
    temperature.
    """
    student, teacher = lumped(logits, top, settings.temperature), outcomes(top)
    match settings.kind:
        case "forward_kl":
            apart = forward_kl(student, teacher)
        case "reverse_kl":
            apart = reverse_kl(student, teacher)
        case "jsd":
            apart = jsd(student, teacher, settings.beta)
    return apart * settings.temperature**2


def distillation_loss(
    logits: Tensor, labels: Tensor, top: TopLogits, settings: Distillation, count: int | None = None
) -> Tensor:
    """``ce_weight`` × cross-entropy + the rest × divergence, mean over labelled positions.

    ``logits``: (positions, vocabulary); ``labels``: (positions,); ``top`` has a row for each
    position. A part of weight 0 is not computed.
    """
    learned, weight, parts = labels != IGNORED, settings.ce_weight, []
    if weight > 0:
        parts.append(weight * cross_entropy(logits, labels, count))
    if weight < 1:
        parts.append((1 - weight) * masked_mean(divergence(logits, top, settings), learned, count))
    return torch.stack(parts).sum()


def _rest(logs: Tensor, named: Tensor) -> Tensor:
    return torch.logsumexp(logs.scatter(-1, named, -math.inf), dim=-1)
