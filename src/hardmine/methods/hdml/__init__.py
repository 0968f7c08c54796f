"""HDML: hardness-aware deep metric learning (Zheng et al., CVPR 2019).

Read in this order: ``settings``, ``pulling`` (harder tuples in the embedding space), ``network`` (the balance),
``loss``, ``tuples`` (both base losses), ``method`` (the training step), ``figures``. Head and generator, samplers,
base losses and the routing of gradients are shared with other methods: ``methods/head_network.py``,
``mining/tuple_samplers.py``, ``methods/tuple_losses.py``, ``methods/routed.py``.
"""
