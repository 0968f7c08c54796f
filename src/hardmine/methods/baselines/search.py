"""What is worth searching with the baselines: what decides which pairs count, and how much."""

from typing import Any

from hardmine.settings.ranges import Range
from hardmine.settings.run import RunSettings
from hardmine.settings.search import Search

from . import settings

__all__ = ["BaselineSearch"]

PROXY_RATE = Range(low=0.1, high=10, relative=True, reason="proxies follow their classes at a pace of their own")
SPACES: dict[type[RunSettings], dict[str, Range]] = {
    settings.Contrastive: {
        "margin": Range(
            low=0.3, high=1.8, scale="linear", reason="squared distances of unit vectors end at 4, most lie below 2"
        ),
    },
    settings.Triplet: {
        "margin": Range(low=0.05, high=0.8, reason="decides how many triplets of a batch count"),
    },
    settings.LiftedStructure: {
        "margin": Range(low=0.3, high=1.8, scale="linear", reason="on distances, which end at 2"),
    },
    settings.NPair: {
        "l2": Range(low=0.0003, high=0.03, reason="sets the length of the embeddings, and so how soft the softmax is"),
    },
    settings.Angular: {
        "angle": Range(low=30, high=60, scale="linear", reason="the paper's own search"),
    },
    settings.Histogram: {
        "bins": Range(choices=(25, 50, 100, 200), reason="few bins smooth the estimate, many sharpen it"),
    },
    settings.ProxyNCA: {
        "scale": Range(low=1, high=32, reason="1 is the paper's form; larger sharpens the softmax"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.NormalisedSoftmax: {
        "temperature": Range(low=0.02, high=0.2, reason="how many other classes a gradient reaches"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.Margin: {
        "margin": Range(low=0.05, high=0.5, reason="half width of the gap"),
        "boundary": Range(low=0.8, high=1.4, scale="linear", reason="the distance that separates, at the start"),
        "boundary_learning_rate": Range(low=0.0001, high=0.01, reason="how fast it moves; it has few steps here"),
    },
    settings.MultiSimilarity: {
        "alpha": Range(low=0.5, high=10, reason="steepness for positives"),
        "beta": Range(low=10, high=80, reason="steepness for negatives"),
        "base": Range(low=0.3, high=1, scale="linear", reason="between the authors' code and beyond the paper"),
    },
    settings.ProxyAnchor: {
        "margin": Range(low=0.02, high=0.4, reason="on cosines"),
        "alpha": Range(low=8, high=64, reason="how much the hardest images weigh"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.SoftTriple: {
        "scale": Range(low=5, high=40, reason="how many other classes a gradient reaches"),
        "gamma": Range(low=0.03, high=0.3, reason="how sharply a centre is chosen"),
        "margin": Range(low=0.003, high=0.2, reason="on the similarity to the own class"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.Circle: {
        "margin": Range(low=0.1, high=0.5, scale="linear", reason="the relaxation"),
        "gamma": Range(low=16, high=256, reason="how much the hardest pairs weigh"),
    },
    settings.SupCon: {
        "temperature": Range(low=0.03, high=0.5, reason="how much the hardest pairs weigh"),
    },
    settings.ArcFace: {
        "margin": Range(low=3, high=30, reason="in degrees; for faces 28.6"),
        "scale": Range(low=8, high=64, reason="how many other classes a gradient reaches"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.CosFace: {
        "margin": Range(low=0.02, high=0.35, reason="for faces 0.35"),
        "scale": Range(low=8, high=64, reason="how many other classes a gradient reaches"),
        "proxy_learning_rate": PROXY_RATE,
    },
    settings.CrossBatchMemory: {
        "memory": Range(choices=(0.125, 0.25, 0.5, 1.0), reason="more negatives, and older ones"),
        "margin": Range(low=0.2, high=0.8, scale="linear", reason="on the cosines of negatives"),
        "weight": Range(low=0.2, high=5, reason="of the memory beside the batch"),
    },
}
"""Keys of each baseline, with their values."""


class BaselineSearch(Search):
    """The keys that stand in the table."""

    def space(self) -> dict[str, Range]:
        """Those of the baseline."""
        return SPACES.get(type(self.run), {})

    def batch_shapes(self, most: int) -> list[dict[str, Any]]:
        """Of N-pair all, or half, of the classes: the loss takes two images of each."""
        shapes = super().batch_shapes(most)
        return shapes[:2] if isinstance(self.run, settings.NPair) else shapes

    def acts_after(self, images: int | None) -> dict[str, int]:
        """The memory of xbm begins after its first epochs."""
        if images is None or not isinstance(self.run, settings.CrossBatchMemory):
            return {}
        return {"start_epochs": self.run.start_epochs * images}
