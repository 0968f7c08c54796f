"""Deep spectral clustering learning (Law et al., ICML 2017), after the author's released toy code.

Read in this order: ``settings``, ``projection`` (the loss and its gradient), ``whitening``, ``network``, ``controls``
(losses beside it), ``method`` (the training step), ``figures``.
"""
