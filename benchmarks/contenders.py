"""What a step of each further method costs, in time and memory: python -m benchmarks.contenders.

Runs of experiments/glyphs-contenders.yaml, as they stand there, on random images of the size of glyphs. Losses of
pytorch-metric-learning against a plain loop with the library's loss and miner, on the same network, images and
optimiser; the other methods against their base. One thread; both sides take turns step by step (see method_steps).
Memory is what a device would hold in a step, counted: weights, gradients, optimiser, what a method remembers, and what
autograd keeps.
"""

from collections.abc import Iterator

import torch

from benchmarks import setups, table
from benchmarks.method_steps import compare
from benchmarks.table import Row
from hardmine.methods import Method
from hardmine.methods.log import EpochLog
from hardmine.rehearsing.memory import SavedTensors, held_bytes
from hardmine.training.device import prepare_device

PLAN = "glyphs-contenders"
LOSSES = (
    "multi-similarity",
    "multi-similarity-all",
    "proxy-anchor",
    "softtriple",
    "circle",
    "supcon",
    "arcface",
    "cosface",
    "xbm",
)
BASES = {
    "hap2s": "triplet-random",
    "quadruplet": "quadruplet-first-term",
    "ccl": "ccl-triplets",
    "daml-npair": "daml-npair-base",
    "dvml-npair": "daml-npair-base",
    "htg": "htg-base",
    "htl": "triplet-random",
    "facility-location": "facility-location-no-margin",
    "spectral": "softmax",
    "bier": "binomial",
    "bier-adversarial": "bier",
    "abe": "one-contrastive",
    "dreml": "softmax",
}
WARM = {"pddm": {"method": "pddm"}, "adapted-triplet": {"method": "adapted-triplet"}}
"""Against random triplets; they have no place in the plan."""


class LibraryLoop:
    """A training step as the library's documentation writes it."""

    def __init__(self, like: Method) -> None:
        self.method, self.step_number = like, 0
        self.images_per_step, self.steps_per_epoch = like.images_per_step, like.steps_per_epoch

    def begin_epoch(self, epoch: int, log: EpochLog) -> None:
        """Nothing."""

    def step(self, log: EpochLog) -> None:
        """Batch, network, miner, loss, update."""
        method = self.method
        rows = method.sampler.next_batch()
        embeddings = method.network(method.images.augmented(rows))["embedding"]
        labels, module = method.images.labels[torch.from_numpy(rows)], method.loss_module
        loss = module.loss(embeddings, labels, module.select(embeddings, labels) if module.select else None)
        method.optimisers[0].zero_grad()
        loss.backward()
        method.optimisers[0].step()


def memory(method: Method) -> float:
    """MiB that a device would hold in a step."""
    log, saved = EpochLog(), SavedTensors(method)
    setups.advance(method, log)
    with saved.counting():
        setups.advance(method, log)
    return (sum(held_bytes(method).values()) + saved.peak) / 2**20


def pairs() -> Iterator[tuple[str, str, Method, Method]]:
    """A method's name, its base's, and both."""
    for name, base in BASES.items():
        yield name, base, setups.letters(name, plan=PLAN), setups.letters(base, plan=PLAN)
    for name, run in WARM.items():
        yield name, "triplet-random", setups.letters(run), setups.letters("triplet-random", plan=PLAN)


def run() -> list[Row]:
    prepare_device("cpu", 1)
    rows = []
    for name in LOSSES:
        own, peer = compare(setups.letters(name, plan=PLAN), LibraryLoop(setups.letters(name, plan=PLAN)), 60, 10)
        how = "1 thread; peer: a plain loop with the library's loss"
        rows.append(Row("contenders", name, own, "µs an image", peer, at_most=1.1, how=how))
    for name, base, method, peer in pairs():
        how = f"1 thread; peer: {base}"
        held = memory(method), memory(peer)
        own, other = compare(method, peer, 60, 10)
        rows.append(Row("contenders", name, own, "µs an image", other, how=how))
        rows.append(
            Row("contenders", f"{name}: memory of a step", held[0], "MiB", held[1], how=f"counted; peer: {base}")
        )
    return rows


if __name__ == "__main__":
    table.main(run)
