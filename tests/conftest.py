"""Every test runs with one thread: two torch processes with two threads each on two cores are many times slower."""

import os

from hypothesis import settings

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

settings.register_profile("long", max_examples=10_000)  # make faults
