"""HDML: hardness-aware deep metric learning (Zheng et al., CVPR 2019).

Read in this order: ``settings``, ``samplers`` (tuples of images), ``pulling`` (harder tuples in the embedding space),
``network`` (head and generator), ``loss``, ``tuples`` (both base losses), ``method`` (the training step), ``figures``.
"""
