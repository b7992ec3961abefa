"""How torch and its friends are told to behave, before the first of them is imported."""

import logging
import os
import warnings

_ENVIRONMENT = {
    # Threads that wait by spinning make training many times slower as soon as anything else runs
    # on the machine, and starve the window; asleep at once, every small product waits for them to
    # wake. So they spin for some microseconds (libgomp counts loops), and then sleep.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # oneDNN compiles a kernel for every shape, of half a megabyte, and keeps a thousand. A
    # step needs ten to twenty, and packed rows have another shape at every step.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def one_blas_thread() -> None:
    """Let NumPy multiply on one thread, before it is imported; what the user has set stays.

    The matrices of an adapter are small. Threads that wait for each other make each of them ten
    times as slow as soon as anything else runs, and take the cores from training. torch has threads
    of its own.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def prepare_libraries() -> None:
    """Set what the libraries read when they are imported; what the user has set stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # PEFT reads an attribute that transformers has renamed
    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
