"""DREML: deep randomized ensembles for metric learning (Xuan, Souvenir and Pless, ECCV 2018).

Read in this order: ``settings``, ``meta_classes`` (random mergings), ``network`` (many networks), ``loss``,
``batches`` (an order of the images for each network), ``method`` (the training step), ``figures``.
"""
