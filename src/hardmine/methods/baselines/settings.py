"""Settings of the baselines: standard losses and selections of the field, run by pytorch-metric-learning."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from hardmine.settings.run import RunSettings

__all__ = [
    "Angular",
    "ArcFace",
    "Circle",
    "Contrastive",
    "CosFace",
    "CrossBatchMemory",
    "Histogram",
    "LiftedStructure",
    "Margin",
    "MultiSimilarity",
    "NPair",
    "NormalisedSoftmax",
    "ProxyAnchor",
    "ProxyNCA",
    "RandomNetwork",
    "SoftTriple",
    "SupCon",
    "Triplet",
]


class RandomNetwork(RunSettings):
    """The network as initialised: the floor every method must leave."""

    trains: ClassVar[bool] = False

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


class MultiSimilarity(RunSettings):
    """Pairs weighted by their own and their relative similarities (Wang et al. 2019)."""

    method: Literal["multi-similarity"]
    alpha: PositiveFloat = 2.0
    """Steepness for positives."""
    beta: PositiveFloat = 50.0
    """Steepness for negatives; 40 in the authors' code."""
    base: float = 0.5
    """The cosine that separates the classes; 1 in the paper, 0.5 in the authors' code."""
    miner: bool = True
    """Whether only pairs count that are hard against the other kind, by ``epsilon``; else all do."""
    epsilon: PositiveFloat = 0.1
    """Margin of the miner, on cosines."""


class ProxyAnchor(RunSettings):
    """One proxy a class as the anchor of a batch (Kim et al. 2020)."""

    method: Literal["proxy-anchor"]
    margin: PositiveFloat = 0.1
    """On cosines."""
    alpha: PositiveFloat = 32.0
    """Steepness."""
    proxy_learning_rate: PositiveFloat = 0.05
    """Of the proxies; 100 times the network's in the authors' code."""


class SoftTriple(RunSettings):
    """Several centres a class in a softmax (Qian et al. 2019), with the regulariser that the library leaves out."""

    method: Literal["softtriple"]
    centres: PositiveInt = 2
    """Centres a class; 10 in the paper."""
    scale: PositiveFloat = 20.0
    """Lambda, on the similarities to classes."""
    gamma: PositiveFloat = 0.1
    """Of the softmax over a class's centres."""
    margin: NonNegativeFloat = 0.01
    """Delta, on the similarity to the own class."""
    tau: NonNegativeFloat = 0.2
    """Weight of the regulariser that draws a class's centres together; 0 for none."""
    proxy_learning_rate: PositiveFloat = 0.02
    """Of the centres."""


class Circle(RunSettings):
    """Similarities weighted by how far they are from where they should be (Sun et al. 2020)."""

    method: Literal["circle"]
    margin: PositiveFloat = 0.4
    """m, the relaxation."""
    gamma: PositiveFloat = 80.0
    """Scale."""


class SupCon(RunSettings):
    """Supervised contrastive learning (Khosla et al. 2020), the form with the sum outside; no projection head."""

    method: Literal["supcon"]
    temperature: PositiveFloat = 0.1
    """Divides the cosines."""


class ArcFace(RunSettings):
    """Classification by cosine with a margin on the angle (Deng et al. 2019)."""

    method: Literal["arcface"]
    margin: float = Field(11.5, ge=0, lt=90)
    """In degrees; 28.6 for faces."""
    scale: PositiveFloat = 16.0
    """On the cosines; 64 for faces."""
    proxy_learning_rate: PositiveFloat = 0.02
    """Of the class vectors."""


class CosFace(RunSettings):
    """Classification by cosine with a margin on the cosine (Wang et al. 2018)."""

    method: Literal["cosface"]
    margin: float = Field(0.1, ge=0, lt=1)
    """On the cosine of the own class; 0.35 for faces."""
    scale: PositiveFloat = 16.0
    """On the cosines; 64 for faces."""
    proxy_learning_rate: PositiveFloat = 0.02
    """Of the class vectors."""


class CrossBatchMemory(RunSettings):
    """Contrastive pairs with embeddings of earlier batches (Wang et al. 2020)."""

    method: Literal["xbm"]
    memory: float = Field(0.25, gt=0, le=1)
    """Share of the training images whose embeddings are remembered."""
    margin: float = Field(0.5, ge=-1, lt=1)
    """On the cosines of negatives."""
    weight: PositiveFloat = 1.0
    """Of the loss against the memory, beside that of the batch."""
    start_epochs: NonNegativeInt = 1
    """Epochs without the memory at the start; 1,000 steps in the authors' code."""
