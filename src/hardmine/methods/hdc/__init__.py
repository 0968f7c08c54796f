"""HDC: hard-aware deeply cascaded embedding (Yuan, Yang and Zhang, ICCV 2017).

Read in this order: ``settings``, ``network`` (a head a depth), ``selection`` (which pairs a level keeps), ``loss``,
``method`` (the training step), ``figures``; ``super_categories``, ``fixed_list`` and ``caffe_sgd``
are what the released code has beside them.
"""
