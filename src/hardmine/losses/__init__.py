"""Tuples to values."""

from .baselines import BaselineLoss, build_baseline_loss

__all__ = ["BaselineLoss", "build_baseline_loss"]
