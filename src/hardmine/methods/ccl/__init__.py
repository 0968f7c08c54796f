"""Coupled clusters (Liu et al. 2016): a class's images against its centre and the negative nearest to that centre.

Read in this order: ``settings``, ``loss``, ``attributes`` and ``network`` (the mixed difference network), ``method``,
``figures``.
"""
