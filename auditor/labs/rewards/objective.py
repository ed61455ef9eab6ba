"""What GRPO maximises, as pure functions of tensors: advantages within a group, the clipped
surrogate, and the divergence from the reference (Shao et al. 2024, arXiv 2402.03300); and which
tasks a step takes."""

from __future__ import annotations

import random

import torch
from torch import Tensor


def advantages(rewards: Tensor) -> Tensor:
    """How much better each answer did than its group: A_i = (r_i − mean(r)) / std(r).

    Mean 0 and standard deviation 1 in each group, whatever the scale of the rewards; 0 where all
    earned the same.

    >>> advantages(torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.1, 0.1, 0.1, 0.1]])).tolist()
    [[1.0, -1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    """
    apart = rewards - rewards.mean(dim=-1, keepdim=True)
    spread = apart.square().mean(dim=-1, keepdim=True).sqrt()
    alike = level(rewards)[..., None]
    return torch.where(alike, 0.0, apart / torch.where(alike, 1.0, spread))


def level(rewards: Tensor) -> Tensor:
    """Which groups of (groups, answers) earned the same with every answer."""
    return rewards.amax(dim=-1) == rewards.amin(dim=-1)


def k3(policy: Tensor, reference: Tensor) -> Tensor:
    """Estimate of KL(policy ‖ reference) from tokens that the policy drew (equation 4).

    With ρ = reference / policy it is ρ − log ρ − 1. Since E_policy[ρ] = 1, ρ − 1 has mean 0, and
    the mean of the whole is that of −log ρ: the KL. Since log ρ ≤ ρ − 1, no single term is below 0;
    it is 0 where both agree.
    """
    log_ratio = reference - policy
    return torch.expm1(log_ratio) - log_ratio


def surrogate(policy: Tensor, old: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """min(r·A, clip(r, 1 − ε, 1 + ε)·A) with r = policy / old: what a token adds.

    The smaller of the two takes the gain away from a ratio that left the bounds in the direction of
    its advantage, and keeps the loss of one that left them the other way: there the gradient leads
    back.
    """
    ratio = (policy - old).exp()
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def answer_mean(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean over each answer's own tokens, (answers,): of any length it counts the same."""
    return torch.where(chosen, values, 0.0).sum(dim=-1) / chosen.sum(dim=-1).clamp(min=1)


def picks(tasks: int, prompts: int, step: int, seed: int) -> list[int]:
    """Which tasks a step (from 1) takes: rounds through all of them, each round in an order of
    its own under the seed."""
    places = range((step - 1) * prompts, step * prompts)
    turns = {place // tasks for place in places}
    orders = {
        turn: random.Random(f"grpo/{seed}/order/{turn}").sample(range(tasks), tasks)
        for turn in turns
    }
    return [orders[place // tasks][place % tasks] for place in places]
