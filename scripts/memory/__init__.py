"""How right the memory planner is, on runs that others have measured.

`scores` compares, `rivals` asks other estimators about the same rows, `report` writes it down.
"""
