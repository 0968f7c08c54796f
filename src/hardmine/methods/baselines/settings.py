"""Settings of the baselines: standard losses and selections of the field, run by pytorch-metric-learning."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from hardmine.settings.run import RunSettings

__all__ = [
    "Angular",
    "Contrastive",
    "Histogram",
    "LiftedStructure",
    "Margin",
    "NPair",
    "NormalisedSoftmax",
    "ProxyNCA",
    "RandomNetwork",
    "Triplet",
]


class RandomNetwork(RunSettings):
    """The network as initialised: the floor every method must leave."""

    method: Literal["random"]
    head: Literal["new", "none"] = Field("new", exclude_if=lambda value: value == "new")
    """The layer over the pooled features: new (random), or none, for pretrained features themselves."""


class Contrastive(RunSettings):
    """Pairs of one class pulled together, others pushed beyond a margin (Hadsell et al. 2006)."""

    method: Literal["contrastive"]
    margin: PositiveFloat = 1.0
    """On the squared distance of unit vectors."""


class Triplet(RunSettings):
    """Triplets with a margin on squared distances of unit vectors (Schroff et al. 2015)."""

    method: Literal["triplet"]
    selection: Literal["random", "semihard", "hard", "distance"]
    """Which triplets of a batch: one random negative for each pair, all semi-hard ones, the hardest positive and
    negative of each anchor, or distance-weighted negatives (Wu et al. 2017)."""
    margin: PositiveFloat = 0.2
    """On squared distances."""


class LiftedStructure(RunSettings):
    """All pairs of a batch lifted into one smooth bound (Song et al. 2016)."""

    method: Literal["lifted"]
    margin: PositiveFloat = 1.0
    """On distances."""


class NPair(RunSettings):
    """One positive against the positives of all other classes (Sohn 2016); not normalised, with its L2 term."""

    method: Literal["npair"]
    l2: float = Field(0.003, ge=0)
    """Weight r of the term (r/4)·(mean |a|² + mean |p|²)."""


class Angular(RunSettings):
    """The angle at the negative bounded (Wang et al. 2017), as the library has it: unit vectors, all negatives."""

    method: Literal["angular"]
    angle: float = Field(40.0, gt=0, lt=90)
    """Upper bound in degrees."""


class Histogram(RunSettings):
    """Overlap of the histograms of positive and negative similarities (Ustinova and Lempitsky 2016)."""

    method: Literal["histogram"]
    bins: PositiveInt = 100
    """Bins between -1 and 1."""


class ProxyNCA(RunSettings):
    """One learned proxy a class (Movshovitz-Attias et al. 2017), as the library has it: softmax over all proxies."""

    method: Literal["proxy-nca"]
    scale: PositiveFloat = 8.0
    """Factor on the squared distances to the proxies; 1 is the paper's form."""
    proxy_learning_rate: PositiveFloat = 0.05
    """Of the proxies."""


class NormalisedSoftmax(RunSettings):
    """Classification by cosine similarity (Zhai and Wu 2019)."""

    method: Literal["softmax"]
    temperature: PositiveFloat = 0.05
    """Divides the cosines."""
    proxy_learning_rate: PositiveFloat = 0.02
    """Of the class vectors."""


class Margin(RunSettings):
    """Margin loss with distance-weighted sampling and a learned boundary (Wu et al. 2017)."""

    method: Literal["margin"]
    margin: PositiveFloat = 0.2
    """Half width of the gap."""
    boundary: PositiveFloat = 1.2
    """The distance beta that separates the classes, at the start."""
    learn_boundary: bool = True
    """Whether beta is learned."""
    boundary_learning_rate: PositiveFloat = 0.0005
    """Of beta."""
