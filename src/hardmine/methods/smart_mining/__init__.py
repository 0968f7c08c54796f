"""Smart Mining: Harwood et al., "Smart mining for deep metric learning", ICCV 2017.

Read in this order: ``settings``, ``spheres`` (which images are mined for an anchor; ``class_members``),
``triplet_epochs`` (an epoch of triplets), ``ratio_triplet`` and ``global_loss``, ``violations`` and ``controller`` (how
hard to mine), ``method`` (an epoch), ``figures``.
"""
