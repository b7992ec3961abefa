"""The commands of the command line, one file each, found by walking this folder."""

from core.commands.base import COMMANDS, Command
from core.registry import import_siblings

__all__ = ["COMMANDS", "Command"]

import_siblings(__name__)
