"""What methods with made samples share: shares of steps, labels kept, gradients compared, routing of losses."""

import pytest
import torch
from tiny import build
from torch import nn

from hardmine.methods.made_samples import compare_gradients, early_and_late, labels_kept, steps_of_share
from hardmine.methods.routed import GroupLosses, RoutedMethod


@pytest.mark.parametrize(("share", "total", "steps"), [(0.2, 6000, 1200), (0.0, 10, 0), (1.0, 7, 7), (0.5, 3, 2)])
def test_a_share_of_a_training_in_steps(share, total, steps):
    assert steps_of_share(share, total) == steps


def test_points_are_kept_in_the_first_step_with_made_samples_and_in_the_last():
    assert early_and_late(4, 20) == {4: "early", 19: "late"}
    assert early_and_late(19, 20) == {19: "late"}


def test_labels_are_kept_where_the_nearest_mean_of_a_class_is_the_own():
    embeddings = torch.tensor([[0.0, 0], [0, 2], [10, 0], [10, 2], [5, 40]])
    labels = torch.tensor([7, 7, 2, 2, 4])
    made = torch.tensor([[1.0, 1], [9, 1], [9, 1], [5, 30]])
    assert float(labels_kept(embeddings, labels, made, torch.tensor([7, 2, 7, 4]))) == 0.75


def test_two_gradients_are_compared_by_length_and_angle_and_leave_the_graph():
    weight, other = nn.Parameter(torch.tensor([3.0, 4.0])), nn.Parameter(torch.zeros(2))
    real, made = weight.pow(2).sum() / 2, 2 * (weight * torch.tensor([4.0, -3.0])).sum() + 0 * weight.sum()
    found = compare_gradients([weight, other], real, made)
    assert float(found["gradient_ratio"]) == pytest.approx(2)
    assert float(found["gradient_cosine"]) == pytest.approx(0, abs=1e-6)
    found = compare_gradients([weight, other], real, -real)
    assert (float(found["gradient_ratio"]), float(found["gradient_cosine"])) == pytest.approx((1, -1))
    found = compare_gradients([weight, other], real, 0 * real)
    assert (float(found["gradient_ratio"]), float(found["gradient_cosine"])) == (0, 0)
    real.backward()


class Two(RoutedMethod):
    """A network, and a part beside it."""

    def __init__(self, setup):
        super().__init__(setup)
        self.side = nn.Linear(2, 2)
        self.add_optimiser(self.parameter_groups())
        self.add_group("side", self.side, 0.5, scheduled=True)

    def losses(self, rows):
        network = sum(own.pow(2).sum() for own in self.network.parameters())
        side = self.side.weight.sum() + self.side.bias.sum()
        return GroupLosses({"side": side, "network": network + 0 * side}, {"loss": network})


def test_a_weight_that_a_loss_leaves_out_is_an_error_unless_it_is_expected():
    method = Two(build({"method": "random"}).setup)
    losses = GroupLosses({"side": method.side.weight.sum()}, {})
    with pytest.raises(RuntimeError, match="to not have been used"):
        method.gradients(losses)
    method.unused_weights = True
    before = method.side.bias.detach().clone()
    method.apply(method.gradients(GroupLosses({"side": method.side.weight.sum()}, {})))
    assert torch.equal(before, method.side.bias)


def test_a_groups_rate_follows_the_schedule_where_it_says_so_and_clipping_is_the_networks():
    method = Two(build({"method": "random"}, gradient_clip=1e-3).setup)
    method.step_number = 0
    method.set_learning_rates()
    assert method.side_optimisers["side"].param_groups[0]["lr"] == 0.5
    gradients = method.gradients(method.losses(torch.arange(4)))
    method.apply(gradients)
    norm = torch.cat([own.grad.flatten() for own in method.network.parameters()]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)
    assert float(method.side.weight.grad.abs().min()) == 1.0
