"""Measurements that need the base model or data; worker only.

One loaded model serves them all (`core.evidence.bench`). What they find are the results of
`core.ranks`, which the window reads without torch.
"""
