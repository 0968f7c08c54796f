"""HTG: hard triplet generation (Zhao et al., ECCV 2018).

Neither the authors' code nor anyone's was found; the four losses come from a second-hand account, sizes, constants and
the order of updates are ours, as ``docs/methods/htg.md`` says line by line. Read in this order: ``settings``,
``network`` (generator and discriminator), ``loss``, ``rivals`` (made points without a generator), ``method`` (the
training step), ``figures``.
"""
