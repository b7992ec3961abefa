"""How fast Rankscope trains, side by side with the stack that everybody has.

Each file is one part: the rows (`rows`), one system per file (`ours`, `trainer`, `sft`), the rounds
(`rounds`), the reference that everybody's loss must meet (`reference`, `parity`), and the table.
"""
