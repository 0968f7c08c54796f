"""ABE's network: a spatial half, masks, and a deep half that all learners share."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hardmine.backbones.layers import glorot
from hardmine.backbones.network import build_backbone
from hardmine.errors import UserError
from hardmine.methods.ensemble import EnsembleNetwork
from hardmine.settings.backbones import BackboneSettings

from .attention import Attention
from .settings import ABE

__all__ = ["ABENetwork", "through_shared"]


class ABENetwork(EnsembleNetwork):
    """B_m(x) = G(S(x) · A_m(S(x))), elementwise, for the learners m = 1, …, M.

    Args:
        run: the method's settings.
        settings: of the backbone; ``embedding`` are the dimensions of all learners together.
        channels: colour channels of an image.
        size: edge of an image in pixels.

    Raises:
        UserError: dimensions that the learners cannot share equally, a tap that is not there or has nothing behind it,
            or a backbone that cannot go on from a tap.
    """

    def __init__(self, run: ABE, settings: BackboneSettings, channels: int, size: int) -> None:
        if settings.embedding % run.learners:
            raise UserError(
                f"learners: {settings.embedding} dimensions (backbone.embedding) cannot be shared equally by "
                f"{run.learners} learners."
            )
        own = settings.model_copy(update={"embedding": settings.embedding // run.learners})
        super().__init__(own, channels, size)
        self.weights = (1.0,) * run.learners
        self.folded = run.passes == "folded"
        self.split = self._choose_split(run)
        self.attention = None if run.attention == "none" else Attention(run, self.backbone.tap_shapes[self.split][0])
        glorot(self.head)
        self.own_halves: nn.ModuleList | None = None
        self.own_heads: nn.ModuleList | None = None
        if run.deep_half == "own":
            self._add_own(run, own, channels, size)

    def _choose_split(self, run: ABE) -> str:
        names = list(self.backbone.tap_shapes)
        if run.split == "auto" and len(names) < 2:
            raise UserError(f"split: {type(self.backbone).__name__} has no tap before its deepest one, {names[-1]}.")
        split = names[-2] if run.split == "auto" else run.split
        if not self.backbone.stages_after(split):
            raise UserError(f"split: nothing lies behind {split}. Choose one of {', '.join(names[:-1])}.")
        return split

    def _add_own(self, run: ABE, settings: BackboneSettings, channels: int, size: int) -> None:
        """A deep half and a head for each further learner, with random weights of their own."""
        if getattr(settings, "batch_norm", "train") == "frozen":
            raise UserError("deep_half: own cannot be had with backbone.batch_norm: frozen.")
        halves, heads = [], []
        for _ in range(run.learners - 1):
            other = build_backbone(settings, channels, size)
            other.trim(self.tap)
            halves.append(nn.Sequential(*other.stages_after(self.split)))
            heads.append(glorot(nn.Linear(self.pooling.features, settings.embedding)))
        self.own_halves, self.own_heads = nn.ModuleList(halves), nn.ModuleList(heads)

    @property
    def copies(self) -> list[tuple[nn.Module, nn.Module]]:
        """The deep halves of the learners' own."""
        return [(half, nn.Sequential(*self.backbone.stages_after(self.split))) for half in self.own_halves or ()]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """B_m of every learner, not normalised: ``learner1``, … float [n, D / M]."""
        return {f"learner{number}": value for number, value in enumerate(self.learners(images), start=1)}

    def learners(self, images: Tensor) -> list[Tensor]:
        """B_m of every learner, not normalised."""
        maps = self.backbone.up_to(images, self.split)
        masked = [maps * mask for mask in self.attention(maps)] if self.attention is not None else [maps]
        if self.own_halves is None or self.own_heads is None:
            return through_shared(self._deep, masked, self.folded)
        masked = masked * len(self.weights) if len(masked) == 1 else masked
        others = zip(self.own_halves, self.own_heads, masked[1:], strict=True)
        return [self._deep(masked[0]), *(head(self.pooling(half(own))) for half, head, own in others)]

    def masks(self, images: Tensor) -> list[Tensor]:
        """The masks of images, one a learner; none without attention."""
        maps = self.backbone.up_to(images, self.split)
        return self.attention(maps) if self.attention is not None else []

    def _deep(self, maps: Tensor) -> Tensor:
        """G: the rest of the trunk, pooling and the last layer, [n, C, H, W] to [n, D / M]."""
        for stage in self.backbone.stages_after(self.split):
            maps = stage(maps)
        embeddings: Tensor = self.head(self.pooling(maps))
        return embeddings


def through_shared(deep: Callable[[Tensor], Tensor], maps: Sequence[Tensor], folded: bool) -> list[Tensor]:
    """The outputs of one module for the inputs of several learners.

    Args:
        deep: the module.
        maps: float [n, …] a learner.
        folded: one batch of all inputs, so that batch norm sees them together; else one pass a learner.
    """
    if not folded:
        return [deep(own) for own in maps]
    return list(deep(torch.cat(list(maps))).split(len(maps[0])))
