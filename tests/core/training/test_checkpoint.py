"""The checkpoint protocol on plain bytes (reliability §2, R3, R5, R6)."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.training import checkpoint as module
from core.training.checkpoint import CheckpointNotSaved, CheckpointStore, sweep, verify


def content(step: int) -> dict[str, Callable[[], bytes]]:
    return {"weights": lambda: bytes([step]) * 999, "cursor.json": lambda: b'{"step": %d}' % step}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path, keep=2)


def save(store: CheckpointStore, *steps: int, best: int = -1) -> None:
    for step in steps:
        store.save(step, content(step), {"base": "abc"})
        store.prune(best)


def test_what_is_saved_is_found(store: CheckpointStore) -> None:
    save(store, 20)
    found, problems = store.newest()
    assert found is not None
    assert (found.step, found.manifest["base"], problems) == (20, "abc", [])
    assert found.read("weights") == bytes([20]) * 999


def test_the_newest_and_the_best_stay(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 1, 2, 3, 4, 5, best=2)
    assert sorted(path.name[-1] for path in tmp_path.iterdir()) == ["2", "4", "5"]


def test_saving_a_step_again_replaces_it(store: CheckpointStore) -> None:
    save(store, 3)
    store.save(3, {"weights": lambda: b"new"}, {})
    found = store.find(3)
    assert found is not None
    assert found.read("weights") == b"new"


def flip(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def cut(path: Path, dice: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: dice.randrange(path.stat().st_size)])


def zero(path: Path, dice: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def remove(path: Path, dice: random.Random) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [flip, cut, zero, remove])
def test_every_damage_is_noticed(
    store: CheckpointStore, tmp_path: Path, harm: Callable[[Path, random.Random], None]
) -> None:
    dice = random.Random(0)
    for _ in range(60):
        save(store, 7, 8)
        harm(dice.choice(sorted((tmp_path / "step-00000008").iterdir())), dice)
        found, problems = store.newest()
        assert found is not None
        assert found.step == 7
        assert len(problems) == 1


def test_a_renamed_checkpoint_is_not_believed(store: CheckpointStore, tmp_path: Path) -> None:
    save(store, 7)
    (tmp_path / "step-00000007").rename(tmp_path / "step-00000009")
    with pytest.raises(ValueError, match="manifest"):
        verify(tmp_path / "step-00000009")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EFBIG, errno.EDQUOT])
@pytest.mark.parametrize("after", range(4))
def test_a_full_disk_at_any_sync_keeps_what_was_there(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch, code: int, after: int
) -> None:
    save(store, 1)
    calls, sync = [], os.fsync

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > after:
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CheckpointNotSaved) as caught:
        store.save(2, content(2), {})
    assert os.strerror(code) in caught.value.message
    assert caught.value.hint
    found, _ = store.newest()
    assert found is not None
    assert found.step == 1


def test_a_death_at_any_system_call_leaves_a_valid_newest(
    store: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability R3: die before the n-th write, sync, rename or removal, for every n."""

    class Death(BaseException):
        pass

    def mortal(function: Callable[..., Any], lives: list[int]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            lives[0] -= 1
            if lives[0] < 0:
                raise Death
            return function(*arguments, **options)

        return call

    save(store, 1, 2)
    for n in range(100):
        lives = [n]
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", mortal(os.fsync, lives))
            patch.setattr(Path, "rename", mortal(Path.rename, lives))
            patch.setattr(Path, "open", mortal(Path.open, lives))
            patch.setattr(module.shutil, "rmtree", mortal(module.shutil.rmtree, lives))
            try:
                save(store, 3)
            except Death:
                pass
            else:
                break
        found, problems = store.newest()
        assert found is not None
        assert found.step in (2, 3)
        assert problems == []
        sweep(tmp_path)
        assert not list(tmp_path.glob(".*"))
    assert n > 10


def test_space_is_looked_for_before_a_save(store: CheckpointStore) -> None:
    store.require_space(1000)
    with pytest.raises(CheckpointNotSaved, match="a checkpoint needs"):
        store.require_space(10**18)
