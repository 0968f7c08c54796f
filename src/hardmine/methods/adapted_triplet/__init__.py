"""Adapted triplet loss (Yu et al., ECCV 2018), after its abstract and the only code seen, which is not the authors'.

Read in this order: ``settings``, ``selection`` (triplets, and how often each image is chosen), ``shift`` (what the
choice does to the classes' means), ``method`` (the training step), ``figures``.
"""
