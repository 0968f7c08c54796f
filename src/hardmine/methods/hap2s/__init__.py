"""HAP2S: an anchor against two weighted sets (Yu et al. 2018), as second-hand sources describe it.

Read in this order: ``settings``, ``loss`` (weights, set distances, hinge), ``method``, ``figures``.
"""
