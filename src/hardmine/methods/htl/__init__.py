"""HTL: hierarchical triplet loss (Ge et al., ECCV 2018), by reading notes of the paper.

Read in this order: ``settings``, ``statistics`` (distances and spreads of classes), ``tree`` (which classes merge at
which level), ``margins``, ``sampler`` (batches of neighbouring classes), ``method`` (the training step), ``figures``.
"""
