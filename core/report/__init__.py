"""What is said of a run when it is over: its guards, its proofs, and `report.html` (`page`)."""

from core.report.guards import Guard, guards_of
from core.report.proofs import Proof, proofs_of

__all__ = ["Guard", "Proof", "guards_of", "proofs_of"]
