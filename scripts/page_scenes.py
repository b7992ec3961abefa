"""What has to happen on a page before its picture tells something."""

from typing import TYPE_CHECKING

from offscreen import live

if TYPE_CHECKING:
    from app.application import Application


def prepare_page(name: str, application: "Application") -> None:
    """Do on page `name` what a person would do there first."""
    scene = SCENES.get(name)
    if scene is not None:
        scene(application)


def _show_ranks(application: "Application") -> None:
    """Give the spectra time to be read."""
    live(1.0)


SCENES = {"ranks": _show_ranks}
