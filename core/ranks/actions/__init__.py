"""What can be done with adapters from their files alone: shrink, grow, merge, compare, convert.

Every action makes a `Draft`, an adapter that is not written yet, from others: `opened` reads one
from a folder, `write_adapter` writes one into a new folder and reads it back. Nothing is ever
overwritten. NumPy only.
"""
