"""The composition root: makes the long-lived objects and hands them to each other."""

import locale
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.assistant import Assistant
from app.exact_plans import ExactPlans
from app.launch import Launch
from app.main_window import MainWindow
from app.messages import Messages
from app.pages.adapter import AdapterPage
from app.pages.base import Page, PageContext
from app.pages.data import DataPage
from app.pages.help import HelpPage
from app.pages.memory import MemoryPage
from app.pages.model import ModelPage
from app.pages.runs import RunsPage
from app.pages.settings import SettingsPage
from app.pages.train import TrainPage
from app.pages.try_page import TryPage
from app.preferences import Preferences
from app.rank_explorer import RankExplorer
from app.run_controller import RunController
from app.session import Session
from app.style.theme import Theme
from app.worker_pool import WorkerPool
from core.libraries import one_blas_thread
from core.memory.cards import CARDS
from core.paths import resources_dir

PAGES: tuple[type[Page], ...] = (
    ModelPage,
    DataPage,
    AdapterPage,
    MemoryPage,
    TrainPage,
    RankExplorer,
    TryPage,
    RunsPage,
    HelpPage,
    SettingsPage,
)
"""In the order of the rail."""


@dataclass
class Application:
    """Everything that lives as long as the window."""

    qapp: QApplication
    theme: Theme
    pool: WorkerPool
    assistant: Assistant
    session: Session
    run: RunController
    launch: Launch
    messages: Messages
    preferences: Preferences
    window: MainWindow
    uninstall_hooks: Callable[[], None]
    _closed: bool = field(default=False)

    def begin(self) -> None:
        """Read model and data and find a live run; after the first frame, so that it is quick."""
        if self._closed:
            return
        self.session.start()
        self.run.reattach()
        if self.run.settings is not None:  # or the rail would tell of another adapter than trains
            self.session.load(self.run.settings)
        self.launch.check()
        QTimer.singleShot(0, self.window, self.pool.warm_up)

    def close(self, *, keep_training: bool = False) -> None:
        """End all workers, but on request not the one that trains."""
        if self._closed:
            return
        self._closed = True
        self.launch.preflight.leave()
        self.pool.close(keep=self.run.own_worker if keep_training else None)
        self.run.leave()  # after the pool, which lets a worker live that was left
        self.preferences.save()
        self.uninstall_hooks()


def build(argv: Sequence[str]) -> Application:
    """Make the window with everything behind it; nothing is shown and no worker runs yet."""
    one_blas_thread()
    existing = QApplication.instance()
    qapp = existing if isinstance(existing, QApplication) else QApplication(list(argv))
    locale.setlocale(locale.LC_NUMERIC, "C")  # Qt takes the user's; C libraries read 0.5 wrongly
    qapp.setApplicationName("Rankscope")
    qapp.setWindowIcon(QIcon(str(resources_dir() / "icons" / "rankscope.png")))
    messages = Messages()
    uninstall_hooks = messages.install_hooks()
    preferences = Preferences()
    theme = Theme(qapp, preferences.theme)
    theme.set_text_scale(preferences.text_scale)
    theme.set_still(preferences.reduce_motion)
    pool = WorkerPool()
    assistant = Assistant(pool)
    session = Session(assistant)
    _plan_for_remembered_card(session, preferences)
    run = RunController(pool, preferences)
    exact = ExactPlans(session, assistant, run)
    launch = Launch(session, run)
    window: MainWindow | None = None

    def go(name: str) -> None:
        assert window is not None
        window.go(name)

    context = PageContext(
        theme=theme,
        session=session,
        run=run,
        exact=exact,
        launch=launch,
        assistant=assistant,
        messages=messages,
        preferences=preferences,
        go=go,
    )
    window = MainWindow(context, launch, [page(context) for page in PAGES])
    application = Application(
        qapp=qapp,
        theme=theme,
        pool=pool,
        assistant=assistant,
        session=session,
        run=run,
        launch=launch,
        messages=messages,
        preferences=preferences,
        window=window,
        uninstall_hooks=uninstall_hooks,
    )
    window.left.connect(lambda keep: application.close(keep_training=keep))
    window.painted.connect(lambda: QTimer.singleShot(0, window, application.begin))
    window.go(window.page_names()[0])
    return application


def _plan_for_remembered_card(session: Session, preferences: Preferences) -> None:
    for card in CARDS:
        if card.name == preferences.card:
            session.choose_device(card)


def main() -> int:
    """Open the window and stay until it closes."""
    logging.basicConfig(level=logging.WARNING)
    application = build(sys.argv)
    application.window.show()
    code = application.qapp.exec()
    application.close(keep_training=True)
    return code
