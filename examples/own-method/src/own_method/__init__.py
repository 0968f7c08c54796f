"""Easy positives: every anchor learns from its nearest positive and the hardest negative."""

from hardmine.doors import Descriptor

__all__ = ["EASY_POSITIVE"]

EASY_POSITIVE = Descriptor(
    settings="own_method.settings:EasyPositive",
    implementation="own_method.method:EasyPositiveMethod",
    figures="own_method.figures:FIGURES",
    search="own_method.search:EasyPositiveSearch",
)
