"""The class search, the image search and the bank, by the specification's worked numbers and by plain loops."""

import math

import numpy as np
import oracles_schem as oracle
import pytest
import torch
from torch.nn import functional

from hardmine.methods.schem.bank import FeatureBank, instance_pool
from hardmine.methods.schem.search_quality import bank_agreement, hard_class_pairs, signature_recall
from hardmine.methods.schem.signatures import ClassSignatures, class_pool, group_similarity, hardest
from hardmine.mining.classes import some_of_each
from hardmine.training.checkpoint import _plain


def at(*degrees):
    angles = torch.tensor([math.radians(angle) for angle in degrees], dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1).float()


def unit(generator, *shape):
    return functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


class Embedder:
    """Embeds from a table and counts what it is asked for."""

    def __init__(self, table):
        self.table, self.asked = table, []

    def __call__(self, rows):
        self.asked.extend(rows.tolist())
        return self.table[torch.from_numpy(rows)]


def test_class_search_ranks_signatures_by_the_nearest_anchor_and_leaves_the_anchor_class_out():
    anchors, signatures = at(0, 20), at(10, 40, 90, -30, 180, 60)
    scores = group_similarity(anchors, signatures)
    wanted = [0.984808, 0.939693, 0.342020, 0.866025, -0.939693, 0.766044]
    assert scores.tolist() == pytest.approx(wanted, abs=5e-7)
    for alpha, pool in ((2, [1, 3]), (3, [1, 3, 5]), (9, [1, 3, 5, 2, 4])):
        assert class_pool(anchors, signatures, 0, alpha * (2 - 1)).tolist() == pool


def test_class_search_takes_the_maximum_over_anchors_not_the_mean():
    anchors, signatures = at(0, 90), at(180, 45, -10)
    assert group_similarity(anchors, signatures[1:]).tolist() == pytest.approx([0.707107, 0.984808], abs=5e-7)
    assert group_similarity(anchors, signatures[1:], "mean").tolist() == pytest.approx([0.707107, 0.405580], abs=5e-7)
    assert class_pool(anchors, signatures, 0, 1).tolist() == [2]
    assert class_pool(anchors, signatures, 0, 1, "mean").tolist() == [1]


def test_instance_search_ranks_images_by_the_nearest_anchor():
    images = at(25, 50, 75, -15, -45, -5)
    h = group_similarity(at(0, 20), images)
    assert h.tolist() == pytest.approx([0.996195, 0.866025, 0.573576, 0.965926, 0.707107, 0.996195], abs=5e-7)
    bank = FeatureBank(6, 2, None)
    pool = instance_pool(at(0, 20), np.arange(6), bank, Embedder(images), 0, 2 * (2 - 1) * 2)
    assert set(pool.tolist()) == {0, 5, 3, 1}
    assert set(pool[:2].tolist()) == {0, 5}
    assert pool[2:].tolist() == [3, 1]


@pytest.mark.parametrize("how", ["max", "mean"])
@pytest.mark.parametrize("seed", range(4))
def test_searches_agree_with_plain_loops(seed, how):
    generator = torch.Generator().manual_seed(seed)
    anchors, signatures, images = (unit(generator, n, 8).double() for n in (4, 30, 50))
    own, size = seed, 7
    expected = oracle.class_pool(anchors, signatures, own, size, how)
    assert class_pool(anchors, signatures, own, size, how).tolist() == expected
    candidates = np.arange(10, 45)
    bank = FeatureBank(50, 8, None)
    found = instance_pool(anchors, candidates, bank, Embedder(images), 0, 9, how)
    assert found.tolist() == oracle.instance_pool(anchors, candidates.tolist(), images, 9, how)


def test_ties_go_to_the_lower_number():
    assert hardest(torch.tensor([1.0, 3.0, 2.0, 3.0, 2.0, 2.0]), 4).tolist() == [1, 3, 2, 4]
    assert hardest(torch.zeros(1000), 5).tolist() == [0, 1, 2, 3, 4]
    assert class_pool(at(0), at(0, 180, 30, 90, 30, 30), 0, 2).tolist() == [2, 4]
    assert hardest(torch.empty(0), 3).tolist() == []


def test_the_length_of_a_signature_row_plays_no_part_in_the_search():
    signatures = ClassSignatures(5, 8, torch.Generator().manual_seed(0))
    anchors = unit(torch.Generator().manual_seed(1), 3, 8)
    before = class_pool(anchors, signatures.unit(), 0, 3)
    with torch.no_grad():
        signatures.weight *= torch.tensor([1.0, 9, 0.1, 30, 2])[:, None]
    assert torch.equal(class_pool(anchors, signatures.unit(), 0, 3), before)


def test_signatures_start_as_unit_vectors_or_class_means():
    signatures = ClassSignatures(3, 2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(signatures.weight.norm(dim=1), torch.ones(3))
    third = signatures.weight[2].clone()
    signatures.start_from_means(at(0, 40, 90), torch.tensor([0, 0, 1]))
    torch.testing.assert_close(signatures.weight[:2].detach(), at(20, 90))
    assert torch.equal(signatures.weight[2], third)


def test_one_adam_step_turns_a_unit_row_by_no_more_than_the_rate_times_the_root_of_its_dimensions():
    signatures = ClassSignatures(1, 512, torch.Generator().manual_seed(0))
    before = signatures.weight.detach().double().clone()
    optimiser = torch.optim.Adam(signatures.parameters(), lr=1e-4)
    signatures.weight.grad = torch.where(torch.arange(512) % 2 == 0, 1.0, -1.0)[None]
    optimiser.step()
    after = functional.normalize(signatures.weight.detach().double(), dim=1)
    angle = math.acos(min(1.0, float((functional.normalize(before, dim=1) * after).sum())))
    assert 0.002 < angle <= 0.002263
    assert math.ceil(math.pi / 2 / (1e-4 * math.sqrt(512))) == 695  # so a quarter turn takes at least 694 whole steps


def test_a_bank_entry_is_embedded_again_only_when_it_is_older_than_the_limit():
    table = unit(torch.Generator().manual_seed(0), 6, 4)
    bank, embedder = FeatureBank(6, 4, 5), Embedder(table)
    rows = np.array([1, 4])
    bank.write(rows, table[rows], 10)
    bank.renew(rows, embedder, 15)
    assert embedder.asked == []
    bank.renew(rows, embedder, 16)
    assert embedder.asked == [1, 4]
    bank.renew(rows, embedder, 21)
    assert len(embedder.asked) == 2
    assert bank.ages(rows, 21).tolist() == [5, 5]


def test_missing_entries_are_embedded_even_without_an_age_limit():
    table = unit(torch.Generator().manual_seed(0), 6, 4)
    bank, embedder = FeatureBank(6, 4, None), Embedder(table)
    bank.write(np.array([2]), table[[2]], 0)
    bank.renew(np.arange(4), embedder, 10**6)
    assert embedder.asked == [0, 1, 3]


def test_age_0_selects_what_a_fresh_computation_selects():
    generator = torch.Generator().manual_seed(3)
    bank, anchors = FeatureBank(40, 6, 0), unit(generator, 3, 6)
    for step in range(4):
        table = unit(generator, 40, 6)  # the weights have moved
        found = instance_pool(anchors, np.arange(40), bank, Embedder(table), step, 8)
        assert found.tolist() == oracle.instance_pool(anchors, list(range(40)), table, 8)


def test_turning_a_class_in_the_bank_changes_the_pool_of_an_unlimited_bank_but_not_of_age_0():
    table = torch.cat([at(0), at(*range(10, 15)), at(*range(50, 55))])
    candidates = np.arange(1, 11)
    for limit, changes in ((None, True), (0, False)):
        bank = FeatureBank(11, 2, limit)
        bank.write(np.arange(11), table, 0)
        before = instance_pool(table[:1], candidates, bank, Embedder(table), 0, 5)
        turned = torch.stack([-bank.vectors[1:6, 1], bank.vectors[1:6, 0]], dim=1)
        bank.write(np.arange(1, 6), turned, 0)
        after = instance_pool(table[:1], candidates, bank, Embedder(table), 1, 5)
        assert (set(before.tolist()) != set(after.tolist())) is changes


def test_a_pool_no_larger_than_wanted_is_taken_whole_without_embeddings():
    embedder = Embedder(torch.zeros(0, 2))
    pool = instance_pool(at(0), np.array([7, 3, 5]), FeatureBank(10, 2, 0), embedder, 0, 3)
    assert pool.tolist() == [7, 3, 5]
    assert embedder.asked == []


def test_a_row_written_twice_keeps_its_first_embedding():
    bank = FeatureBank(3, 2, None)
    bank.write(np.array([1, 1, 0]), at(10, 20, 30), 4)
    torch.testing.assert_close(bank.read(np.array([0, 1])), at(30, 10))
    assert bank.written.tolist() == [4, 4, -1]


def test_a_float16_bank_is_searched_in_float32():
    bank = FeatureBank(3, 2, None, half=True)
    bank.write(np.arange(3), at(0, 10, 20), 0)
    assert bank.vectors.dtype == torch.float16
    assert bank.read(np.arange(3)).dtype == torch.float32
    torch.testing.assert_close(bank.read(np.arange(3)), at(0, 10, 20), atol=1e-3, rtol=0)


def test_a_bank_is_the_same_after_saving_and_loading(tmp_path):
    bank = FeatureBank(5, 2, 3)
    bank.write(np.array([1, 3]), at(10, 20), 7)
    torch.save(_plain(bank.state_dict()), tmp_path / "bank.pt")
    other = FeatureBank(5, 2, 3)
    other.load_state_dict(torch.load(tmp_path / "bank.pt", weights_only=True))
    assert torch.equal(other.vectors, bank.vectors)
    for held in (bank, other):
        assert held.stale(np.arange(5), 10).tolist() == [True, False, True, False, True]


def test_signature_recall_is_one_for_signatures_at_the_class_means_and_near_chance_for_random_ones():
    generator = torch.Generator().manual_seed(0)
    centres = unit(generator, 60, 16)
    labels = np.repeat(np.arange(60), 5)
    embeddings = centres[labels]
    assert signature_recall(embeddings, labels, centres, np.arange(60), 8) == 1.0
    blind = [signature_recall(embeddings, labels, unit(generator, 60, 16), np.arange(60), 8) for _ in range(30)]
    assert np.mean(blind) == pytest.approx(20 / 59, abs=0.03)


def test_some_of_each_takes_random_images_of_every_class_up_to_the_count():
    labels = np.array([2, 0, 1, 0, 0, 2, 0, 0])
    seen = set()
    for seed in range(20):
        rows = some_of_each(labels, 3, np.random.default_rng(seed))
        assert sorted(labels[rows]) == [0, 0, 0, 1, 2, 2]
        assert len(set(rows)) == 6
        seen |= set(rows.tolist())
    assert seen == set(range(8))


def test_bank_agreement_is_the_correlation_of_stored_with_fresh_similarities():
    generator = torch.Generator().manual_seed(0)
    anchors, stored, fresh = unit(generator, 3, 8), unit(generator, 50, 8), unit(generator, 50, 8)
    expected = np.corrcoef((anchors @ stored.T).amax(0), (anchors @ fresh.T).amax(0))[0, 1]
    assert bank_agreement(anchors, stored, fresh) == pytest.approx(expected, abs=1e-5)
    assert bank_agreement(anchors, stored, stored) == pytest.approx(1.0, abs=1e-5)
    assert bank_agreement(anchors, stored[:1], stored[:1]) is None
    assert bank_agreement(anchors, stored[:1].repeat(9, 1), fresh[:9]) is None


def test_similarities_that_vary_by_rounding_alone_have_no_correlation():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        lengths = 0.1 + 10 * torch.rand(150, 1, generator=generator)
        collapsed = functional.normalize(torch.randn(64, generator=generator) * lengths, dim=1)
        assert bank_agreement(collapsed[:10], collapsed[10:80], collapsed[80:]) is None


def test_hard_class_pairs_are_the_closest_signatures_with_each_class_used_once():
    pairs, similarities = hard_class_pairs(at(0, 1, 3, 90, 120, 200), np.array([5, 4, 3, 2, 1, 0]), 2)
    assert [set(pair) for pair in pairs.tolist()] == [{0, 1}, {3, 4}]
    assert similarities.tolist() == pytest.approx([math.cos(math.radians(1)), math.cos(math.radians(30))], abs=1e-6)
    assert hard_class_pairs(at(0), np.array([0]), 3)[0].shape == (0, 2)
