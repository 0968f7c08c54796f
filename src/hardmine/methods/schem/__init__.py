"""SCHEM: stochastic class-based hard example mining (Suh et al., CVPR 2019).

Read in this order: ``settings``, ``signatures`` (hard classes), ``bank`` (hard images), ``batcher`` (a batch),
``classification_loss`` and, shared, ``hardmine.methods.hinge``, ``method`` (the training step),
``search_quality``, ``figures``.
"""
