"""Facility location: the clustering of a batch against that of its classes (Song et al., CVPR 2017), by reading notes
and the released op.

Read in this order: ``settings``, ``partitions`` (how wrong a clustering is), ``medoids`` (the search for them),
``loss``, ``method`` (the training step), ``figures``.
"""
