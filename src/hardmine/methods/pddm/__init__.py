"""PDDM: a position-dependent deep metric that scores pairs and picks quadruplets (Huang et al. 2016).

Of the paper only the rule of selection was read; the rest is second-hand. Read in this order: ``settings``, ``unit``
(the score of a pair), ``selection`` (which quadruplets), ``loss``, ``quality`` (how good the scores are), ``method``,
``figures``.
"""
