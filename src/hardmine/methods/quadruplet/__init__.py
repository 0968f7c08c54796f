"""The quadruplet loss (Chen et al. 2017), as second-hand sources describe it.

Read in this order: ``settings``, ``metric`` (how a pair is scored), ``loss`` (margins and hinges), ``method``,
``figures``.
"""
