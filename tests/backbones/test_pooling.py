"""Poolings of a map, and the network with them."""

import pytest
import torch

from hardmine.backbones import EmbeddingNetwork
from hardmine.backbones.pooling import AveragePooling, SecondOrderPooling
from hardmine.settings.backbones import SmallCNN


def test_average_pooling_is_the_mean_over_places():
    maps = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(AveragePooling(5)(maps), maps.mean(dim=(2, 3)))


def test_second_order_pooling_averages_outer_products_and_takes_roots():
    maps = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    for image, pooled in zip(maps, SecondOrderPooling(3)(maps), strict=True):
        matrix = sum(torch.outer(image[:, y, x], image[:, y, x]) for y in range(2) for x in range(2)) / 4
        upper = torch.stack([matrix[i, j] for i in range(3) for j in range(i, 3)])
        expected = upper.sign() * upper.abs().sqrt()
        torch.testing.assert_close(pooled, expected / expected.norm(), atol=1e-5, rtol=1e-5)


def test_second_order_pooling_has_a_finite_gradient_at_zero():
    maps = torch.zeros(1, 3, 2, 2, requires_grad=True)
    SecondOrderPooling(3)(maps).sum().backward()
    assert torch.isfinite(maps.grad).all()


@pytest.mark.parametrize(("tap", "channels"), [("block2", 4), ("block3", 8), ("block4", 16)])
def test_the_network_pools_the_map_of_the_settings(tap, channels):
    for pooling, features in (("average", channels), ("second-order", channels * (channels + 1) // 2)):
        network = EmbeddingNetwork(SmallCNN(width=2, embedding=6, tap=tap, pooling=pooling), 1, 16)
        images = torch.randn(3, 1, 16, 16)
        assert network.features(images).shape == (3, features)
        embedded = network.embed(images)["embedding"]
        torch.testing.assert_close(embedded.norm(dim=1), torch.ones(3))
        assert "pooling" not in "".join(network.state_dict())
