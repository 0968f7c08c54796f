"""The baselines: losses and selections of the field, through pytorch-metric-learning.

Read in this order: ``settings``, ``loss`` (which loss and which selection), ``histogram``, ``method``.
"""
