"""ABE: attention-based ensemble (Kim et al., ECCV 2018).

Read in this order: ``settings``, ``attention`` (masks), ``network`` (one deep half, a mask a learner), ``loss`` (pairs,
divergence), ``method`` (the training step), ``figures``.
"""
