"""What happens to a live run when the window closes."""

from typing import Literal

from PySide6.QtWidgets import QMessageBox, QWidget

from app.run_controller import RunController

Answer = Literal["keep", "stop", "cancel"]


def ask_about_live_run(parent: QWidget, run: RunController) -> Answer:
    """Ask whether training goes on without the window, is stopped and saved, or neither.

    Training goes on in its own process; a window that is opened later finds it again.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setWindowTitle("Training is going on")
    name = run.run.path.name if run.run is not None else "The run"
    box.setText(f"{name} is still training.")
    box.setInformativeText(
        "It can go on without the window: open Rankscope again to see how far it is."
    )
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    stop = box.addButton("Stop and save", QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton("Keep training", QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(cancel)
    box.exec()
    if box.clickedButton() is keep:
        return "keep"
    return "stop" if box.clickedButton() is stop else "cancel"
