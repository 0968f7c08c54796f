"""DREML's loss: cross-entropy on meta-classes, of plain logits.

The authors' code writes it as distances to proxies that are a fixed identity matrix, which is the same; nothing is
learned beside the network, and there is no temperature.
"""

from torch import Tensor
from torch.nn import functional

__all__ = ["common_mode", "meta_class_loss"]


def meta_class_loss(logits: Tensor, targets: Tensor, kind: str = "plain") -> Tensor:
    """Mean over images of log sum over m of exp f_m - f_t, a scalar.

    Of logits of length 1 it cannot fall below log(1 + (D-1)·exp(-sqrt(D/(D-1)))).

    Args:
        logits: f, float [n, D].
        targets: t, int64 [n].
        kind: ``plain``, or ``unit`` for logits of length 1.
    """
    return functional.cross_entropy(functional.normalize(logits, dim=1) if kind == "unit" else logits, targets)


def common_mode(logits: Tensor) -> Tensor:
    """Mean over images of mean(f)/|f|, a scalar: what the loss ignores and the embedding does not.

    Args:
        logits: f, float [n, D].
    """
    return (logits.mean(dim=1) / logits.norm(dim=1).clamp(min=1e-12)).mean()
