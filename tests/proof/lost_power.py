"""A model of what a disk may hold after the power is lost, after ALICE (Pillai et al., OSDI 2014).

Files and folders are nodes; a name in a folder points to one. What was written counts only up to
the last sync of its file, and a change of names only after the last sync of its folder: whatever
came later may have reached the disk or not, in any order. A single rename happens or does not.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.proof.operations import Operation


@dataclass(eq=False)
class Node:
    """A file or a folder.

    Attributes:
        data: What was written to a file; `synced` is how much of it the disk is known to hold.
        names: The durable entries of a folder.
    """

    is_folder: bool = False
    data: bytes = b""
    synced: int = 0
    names: dict[str, "Node"] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """An entry of `folder` that comes to point to `node`, or to nothing."""

    folder: Node
    name: str
    node: Node | None


class Disk:
    """Takes operations in and yields what may be found after a loss of power.

    Args:
        root: The folder in which all operations take place; it exists and is durable.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = Node(is_folder=True)
        self._now: dict[Path, Node] = {root: self._top}
        self._pending: list[tuple[Change, ...]] = []

    def take(self, operation: Operation) -> None:
        """Do one operation."""
        path, target = operation.path, operation.target
        if operation.kind in ("open", "mkdir"):
            self._name(path, Node(is_folder=operation.kind == "mkdir"))
        elif operation.kind == "write":
            self._now[path].data += operation.data
        elif operation.kind in ("unlink", "rmdir"):
            self._pending.append((self._change(path, None),))
            del self._now[path]
        elif operation.kind == "rename":
            assert target is not None
            self._rename(path, target)
        elif operation.kind == "fsync":
            self._sync(self._now[path])

    def states(self, dice: random.Random, samples: int) -> Iterator[tuple[Node, str]]:
        """Yield what the disk may hold now: a tree, and what becomes of unsynced bytes in it.

        All that is pending, nothing, each one alone, each one missing, and some at random.
        """
        count = len(self._pending)
        chosen = {tuple(range(count)), ()}
        chosen |= {(one,) for one in range(count)}
        chosen |= {tuple(n for n in range(count) if n != one) for one in range(count)}
        for _ in range(samples):
            chosen.add(tuple(n for n in range(count) if dice.random() < 0.5))
        for subset in sorted(chosen):
            tree = self._with([self._pending[n] for n in subset])
            for loss in LOSSES if _is_unsynced(tree) else LOSSES[:1]:
                yield tree, loss

    def _with(self, changes: Sequence[tuple[Change, ...]]) -> Node:
        copies: dict[int, Node] = {}
        top = _copy(self._top, copies)
        for change in itertools.chain(*changes):
            folder = _copy(change.folder, copies)
            if change.node is None:
                folder.names.pop(change.name, None)
            else:
                folder.names[change.name] = _copy(change.node, copies)
        return top

    def _name(self, path: Path, node: Node) -> None:
        self._pending.append((self._change(path, node),))
        self._now[path] = node

    def _rename(self, path: Path, target: Path) -> None:
        node = self._now[path]
        self._pending.append((self._change(path, None), self._change(target, node)))
        moved = {p: n for p, n in self._now.items() if p.is_relative_to(path)}
        for old, child in moved.items():
            del self._now[old]
            self._now[target / old.relative_to(path)] = child

    def _sync(self, node: Node) -> None:
        node.synced = len(node.data)
        durable = [group for group in self._pending if group[0].folder is node]
        for change in itertools.chain(*durable):
            if change.node is None:
                node.names.pop(change.name, None)
            else:
                node.names[change.name] = change.node
        self._pending = [group for group in self._pending if group[0].folder is not node]

    def _change(self, path: Path, node: Node | None) -> Change:
        return Change(self._now[path.parent], path.name, node)


LOSSES = ("kept", "cut", "zeros", "half")


def _is_unsynced(node: Node) -> bool:
    return node.synced < len(node.data) or any(map(_is_unsynced, node.names.values()))


def _copy(node: Node, copies: dict[int, Node]) -> Node:
    """Return the copy of a node, the same one for all who ask."""
    if id(node) not in copies:
        copy = Node(node.is_folder, node.data, node.synced)
        copies[id(node)] = copy
        copy.names = {name: _copy(child, copies) for name, child in node.names.items()}
    return copies[id(node)]


def write_out(node: Node, path: Path, loss: str) -> None:
    """Put a state onto a real disk, with `loss` as the fate of bytes that were not synced."""
    if node.is_folder:
        path.mkdir()
        for name, child in node.names.items():
            write_out(child, path / name, loss)
        return
    lost = len(node.data) - node.synced
    remains = {"kept": node.data[node.synced :], "zeros": bytes(lost), "cut": b""}
    remains["half"] = node.data[node.synced : node.synced + lost // 2]
    path.write_bytes(node.data[: node.synced] + remains[loss])
