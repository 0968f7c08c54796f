"""SCHEM: stochastic class-based hard example mining (Suh et al., CVPR 2019).

Read in this order: ``settings``, ``signatures`` (hard classes), ``bank`` (hard images), ``batcher`` (a batch),
``triplet_loss`` and ``classification_loss``, ``method`` (the training step), ``search_quality``, ``figures``.
"""
