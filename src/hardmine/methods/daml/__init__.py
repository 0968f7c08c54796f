"""DAML: deep adversarial metric learning (Duan et al., CVPR 2018).

Read in this order: ``settings``, ``tuples`` (which negatives are made for whom), ``loss`` (the generator's terms and
its best answer in closed form), ``network`` (the released metric), ``making`` (where made negatives come from),
``method`` (the training step), ``figures``.
"""
