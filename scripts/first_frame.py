"""Open the window, print when its first frame stood, and end: a child of bench.py.

Prints one JSON line: the wall-clock time right after the first frame was painted, the processor
time that it took, and which of the slow libraries were loaded by then.
"""

import json
import sys
import time

from PySide6 import QtWidgets
from PySide6.QtCore import QEvent, QObject, QTimer

SLOW = ("torch", "transformers", "peft", "bitsandbytes", "datasets")


class WatchedApplication(QtWidgets.QApplication):
    """Tells when the outermost event in which something was painted has been handled."""

    depth = 0
    painted = False
    reported = False

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Handle an event as always, and notice the first frame."""
        self.painted |= event.type() == QEvent.Type.Paint
        self.depth += 1
        handled = super().notify(receiver, event)
        self.depth -= 1
        if self.painted and not self.depth and not self.reported:
            self.report()
        return handled

    def report(self) -> None:
        """Print the time and end."""
        self.reported = True
        loaded = [name for name in SLOW if name in sys.modules]
        said = {"painted": time.time(), "cpu": time.process_time(), "loaded": loaded}
        print(json.dumps(said), flush=True)
        QTimer.singleShot(0, self.quit)


if __name__ == "__main__":
    QtWidgets.QApplication = WatchedApplication  # type: ignore[misc]
    from app.application import main

    sys.argv = ["rankscope"]
    main()
