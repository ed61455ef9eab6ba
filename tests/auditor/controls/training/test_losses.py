"""Losses: worked examples by hand, limits, gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from auditor.controls.recipe import Distillation
from auditor.controls.training.losses import (
    IGNORED,
    ROWS_AT_ONCE,
    TopLogits,
    cross_entropy,
    distillation_loss,
    divergence,
    forward_kl,
    jsd,
    log_distribution,
    lumped,
    masked_mean,
    outcomes,
    reverse_kl,
    top_logits,
)
from fingerprints.errors import UsageProblem

P = torch.tensor([[0.5, 0.25, 0.25]])
Q = torch.tensor([[0.25, 0.25, 0.5]])


def logits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_losses_of_a_few_rows_at_a_time_are_bit_by_bit_those_of_all_at_once(
    precision: torch.dtype,
) -> None:
    rows = 2 * ROWS_AT_ONCE + 3
    labels = torch.arange(rows) % 11
    labels[::5] = IGNORED
    ours, whole = (logits(rows, 11).to(precision).requires_grad_() for _ in range(2))
    cross_entropy(ours, labels, 40).backward()
    plain = functional.cross_entropy(whole.float(), labels, ignore_index=IGNORED, reduction="none")
    loss = torch.where(labels != IGNORED, plain, 0.0).sum() / 40
    loss.backward()
    assert cross_entropy(ours, labels, 40).item() == loss.item()
    assert ours.grad is not None
    assert whole.grad is not None
    assert torch.equal(ours.grad, whole.grad)


def test_cross_entropy_of_a_quarter_and_a_half_is_their_mean_in_nats() -> None:
    scores = torch.stack([Q[0].log(), P[0].log(), P[0].log()])
    labels = torch.tensor([0, 0, IGNORED])
    assert float(cross_entropy(scores, labels)) == pytest.approx((math.log(4) + math.log(2)) / 2)


def test_cross_entropy_over_a_given_count_divides_by_that_count() -> None:
    scores, labels = logits(4, 7), torch.tensor([1, 2, IGNORED, 3])
    assert float(cross_entropy(scores, labels, 6)) == pytest.approx(
        float(cross_entropy(scores, labels)) * 3 / 6
    )


def test_cross_entropy_of_nothing_learned_is_zero_and_not_nan() -> None:
    assert float(cross_entropy(logits(2, 5), torch.tensor([IGNORED, IGNORED]))) == 0.0


def test_a_masked_mean_leaves_out_values_that_are_no_numbers() -> None:
    assert (
        float(masked_mean(torch.tensor([1.0, math.nan, 3.0]), torch.tensor([True, False, True])))
        == 2.0
    )


def test_forward_kl_by_hand() -> None:
    # ½ log(½/¼) + ¼ log 1 + ¼ log(¼/½) = ¼ log 2
    assert float(forward_kl(Q.log(), P.log())) == pytest.approx(math.log(2) / 4, abs=1e-6)


def test_the_two_directions_differ_and_reverse_is_forward_with_the_roles_changed() -> None:
    one, other = log_distribution(logits(5, 9)), log_distribution(logits(5, 9, seed=1))
    assert torch.allclose(reverse_kl(one, other), forward_kl(other, one))
    assert not torch.allclose(reverse_kl(one, other), forward_kl(one, other), atol=1e-3)


def test_jsd_of_disjoint_distributions_at_a_half_is_log_two() -> None:
    one, other = (torch.tensor([[1.0, 1e-12]]).log(), torch.tensor([[1e-12, 1.0]]).log())
    assert float(jsd(one, other, 0.5)) == pytest.approx(math.log(2), abs=1e-5)


def test_jsd_is_symmetric_at_a_half_and_not_elsewhere() -> None:
    one, other = log_distribution(logits(3, 9)), log_distribution(logits(3, 9, seed=1))
    assert torch.allclose(jsd(one, other, 0.5), jsd(other, one, 0.5), atol=1e-6)
    assert not torch.allclose(jsd(one, other, 0.1), jsd(other, one, 0.1), atol=1e-3)


@pytest.mark.parametrize(
    ("beta", "share", "limit"), [(1e-5, 1e-5, forward_kl), (1 - 1e-5, 1e-5, reverse_kl)]
)
def test_jsd_tends_to_the_forward_and_the_reverse_kl(beta: float, share: float, limit) -> None:  # type: ignore[no-untyped-def]
    one, other = (
        log_distribution(logits(3, 9).double()).double(),
        log_distribution(logits(3, 9, seed=1)).double(),
    )
    assert torch.allclose(jsd(one, other, beta) / share, limit(one, other), rtol=1e-2)


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.5])
def test_a_beta_outside_of_its_range_is_refused(beta: float) -> None:
    with pytest.raises(UsageProblem, match="beta"):
        jsd(Q.log(), P.log(), beta)


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
@pytest.mark.parametrize("top_k", [None, 3])
def test_a_student_equal_to_its_teacher_is_no_distance_away(kind: str, top_k: int | None) -> None:
    scores = logits(6, 11)
    settings = Distillation(kind=kind, temperature=2.0, top_k=top_k)  # type: ignore[arg-type]
    apart = divergence(scores, top_logits(scores, top_k, 2.0), settings)
    assert torch.allclose(apart, torch.zeros(6), atol=1e-6)


def test_top_logits_keep_the_likeliest_tokens_and_lump_the_rest() -> None:
    top = top_logits(P.log() + 3, 1, 1.0)
    assert top.tokens.tolist() == [[0]]
    assert torch.allclose(outcomes(top).exp(), torch.tensor([[0.5, 0.5]]))


def test_lumping_never_raises_a_divergence() -> None:
    student, teacher = logits(8, 20, seed=3), logits(8, 20, seed=4)
    whole = divergence(student, top_logits(teacher, None, 1.0), Distillation())
    some = divergence(student, top_logits(teacher, 4, 1.0), Distillation(top_k=4))
    assert (some <= whole + 1e-6).all()
    assert (some > 0).all()


def test_all_tokens_kept_give_the_divergence_of_the_whole_distributions() -> None:
    student, teacher = logits(8, 20, seed=3), logits(8, 20, seed=4)
    plain = forward_kl(log_distribution(student), log_distribution(teacher))
    for k in (None, 20, 500):
        assert torch.allclose(
            divergence(student, top_logits(teacher, k, 1.0), Distillation()), plain, atol=1e-6
        )


def test_the_rest_stays_finite_where_a_student_is_all_but_certain() -> None:
    student = torch.tensor([[1e4, 0.0, 0.0]])
    top = TopLogits(
        torch.tensor([[0]]), torch.tensor([[math.log(0.5)]]), torch.tensor([math.log(0.5)])
    )
    assert torch.isfinite(lumped(student, top, 1.0)).all()


def test_squared_temperature_keeps_the_gradient_at_its_size() -> None:
    sizes = {}
    for temperature in (1.0, 20.0):
        student = (logits(1, 30, seed=5) / 10).requires_grad_()
        settings = Distillation(temperature=temperature)
        divergence(
            student, top_logits(logits(1, 30, seed=6) / 10, None, temperature), settings
        ).sum().backward()
        assert student.grad is not None
        sizes[temperature] = float(student.grad.norm())
    assert 0.5 < sizes[20.0] / sizes[1.0] < 2


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
@pytest.mark.parametrize("top_k", [None, 2])
def test_gradients_equal_finite_differences(kind: str, top_k: int | None) -> None:
    settings = Distillation(kind=kind, temperature=1.5, top_k=top_k, ce_weight=0.3)  # type: ignore[arg-type]
    top = top_logits(logits(3, 6, seed=8), top_k, 1.5)
    labels = torch.tensor([1, IGNORED, 4])
    point = logits(3, 6, seed=7).requires_grad_()
    (slope,) = torch.autograd.grad(distillation_loss(point, labels, top, settings), point)
    for place in [(0, 1), (0, 3), (2, 4), (2, 5)]:
        step = torch.zeros(3, 6)
        step[place] = 1e-2
        above, below = (
            float(distillation_loss((point + s * step).detach(), labels, top, settings))
            for s in (1, -1)
        )
        assert float(slope[place]) == pytest.approx((above - below) / 2e-2, abs=2e-4)
    assert float(slope[1].abs().max()) == 0.0


def test_the_weight_of_cross_entropy_goes_from_all_distance_to_all_labels() -> None:
    student, labels = logits(4, 9, seed=1), torch.tensor([1, 2, 3, 4])
    top = top_logits(logits(4, 9, seed=2), 3, 1.0)
    ends = [
        float(distillation_loss(student, labels, top, Distillation(ce_weight=w, top_k=3)))
        for w in (0.0, 0.5, 1.0)
    ]
    assert ends[2] == pytest.approx(float(cross_entropy(student, labels)))
    assert ends[0] == pytest.approx(float(divergence(student, top, Distillation(top_k=3)).mean()))
    assert ends[1] == pytest.approx((ends[0] + ends[2]) / 2)
