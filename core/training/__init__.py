"""Training: one loop, its checkpoints, and the proof that the adapter does something.

`core.training.loop.train` is the engine behind the window, the command line and the tests. The
modules here import torch and its friends, so only the worker and the command line load them.
"""
