"""Plots: what is drawn from numbers. Those with curves import pyqtgraph, and only when shown."""
