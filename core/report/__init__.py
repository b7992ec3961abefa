"""What is said of a run when it is over: its guards, its proofs, and `report.html`."""

from core.report.guards import Guard, guards_of
from core.report.page import write_report
from core.report.proofs import Proof, proofs_of

__all__ = ["Guard", "Proof", "guards_of", "proofs_of", "write_report"]
