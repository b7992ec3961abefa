"""Random numbers that depend on the seed and the step alone, so that no state need be kept."""

import random

import numpy as np
import torch


def seed_everything(seed: int, step: int) -> None:
    """Set all random number generators to where they stand at the start of `step`."""
    number = (seed * 1_000_003 + step) % 2**32
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
