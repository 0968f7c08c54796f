"""BIER: boosting independent embeddings robustly (Opitz et al., ICCV 2017), and its adversarial form (TPAMI).

Read in this order: ``settings``, ``network`` (the groups), ``loss`` (pairs, their boosting weights, the deviance),
``diversity`` (activation loss and adversary), ``method`` (the training step), ``figures``.
"""
