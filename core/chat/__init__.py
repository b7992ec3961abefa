"""Talking to a model: one loaded base, with its adapter switched on or off."""
