"""The window. It shows what `core` knows and asks the worker for the rest; it imports no torch."""
