"""DVML: deep variational metric learning (Lin et al., ECCV 2018).

No code of the authors was found; what is here reads the losses from second-hand accounts, as ``docs/methods/dvml.md``
says line by line. Read in this order: ``settings``, ``loss``, ``variation`` (the Gaussian beside the embedding),
``method`` (the training step), ``figures``.
"""
