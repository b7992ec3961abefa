"""The hub with a fake in its place: what is asked, and what each failure says."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors
from safetensors import safe_open

from core.control import Control
from core.errors import UserError
from core.jobs import JOBS
from core.models import hub
from core.models.json import from_json
from core.models.prepare import prepare
from core.models.sources import open_model


def fake_api(folder: Path) -> type[Any]:
    class FakeApi:
        def model_info(self, hub_id: str, *, timeout: float, files_metadata: bool) -> Any:
            files = [
                SimpleNamespace(rfilename=file.name, size=file.stat().st_size)
                for file in folder.iterdir()
            ]
            files.append(SimpleNamespace(rfilename="original/model.safetensors", size=10**9))
            card = SimpleNamespace(license="mit")
            return SimpleNamespace(card_data=card, siblings=files, config={})

        def hf_hub_download(self, _: str, name: str, **options: Any) -> str:
            return str(folder / name)

        def get_safetensors_metadata(self, _: str, *, timeout: float) -> Any:
            tensors = {}
            with safe_open(folder / "model.safetensors", "np") as file:
                for name in file.keys():  # noqa: SIM118 - no dict
                    part = file.get_slice(name)
                    size = 4 if part.get_dtype() == "F32" else 2
                    count = 1
                    for length in part.get_shape():
                        count *= length
                    tensors[name] = SimpleNamespace(
                        dtype=part.get_dtype(),
                        shape=part.get_shape(),
                        data_offsets=(0, count * size),
                    )
            return SimpleNamespace(files_metadata={"x": SimpleNamespace(tensors=tensors)})

    return FakeApi


def test_a_hub_model_is_described_without_a_download(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", fake_api(tiny_model))
    job = JOBS["describe_model"]()
    (reply,) = job.run(job.Request(source="org/tiny"), Control())
    info = from_json(reply.data)
    local = open_model(str(tiny_model))
    assert sorted(info.tensors, key=str) == sorted(local.tensors, key=str)
    assert info.architecture == local.architecture
    assert (info.kind, info.path, info.licence) == ("hub", "", "mit")
    assert info.disk_bytes == local.disk_bytes
    assert info.has_chat_template


def raising(error: Exception) -> type[Any]:
    class FakeApi:
        def model_info(self, *_: Any, **__: Any) -> Any:
            raise error

    return FakeApi


def answer(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    import httpx2

    request = httpx2.Request("GET", "https://example.org")
    return kind("no", response=httpx2.Response(404, request=request))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (answer(errors.RepositoryNotFoundError), "has no model org/x"),
        (answer(errors.GatedRepoError), "conditions"),
        (answer(errors.RemoteEntryNotFoundError), "has no config.json"),
        (errors.NotASafetensorsRepoError("no"), "no safetensors files"),
        (errors.OfflineModeIsEnabled("offline"), "could not be reached"),
        (errors.HFValidationError("bad"), "could not be reached"),
        (answer(errors.HfHubHTTPError), "could not be reached"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_has_its_sentence(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", raising(error))
    with pytest.raises(UserError, match=message) as caught:
        hub.describe("org/x")
    assert caught.value.hint


def test_an_unreachable_hub_is_told_in_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match="could not be reached"):
        hub.describe("org/name")
    with pytest.raises(UserError, match="could not be reached"):
        list(prepare("org/name", Control()))
    assert time.monotonic() - began < 10


def test_a_download_reports_bytes_and_takes_safetensors_only(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def snapshot_download(hub_id: str, **options: Any) -> str:
        asked.update(options)
        with options["tqdm_class"](total=100, unit="B", name="x") as bar:
            bar.update(40)
            bar.update(60)
        return str(tiny_model)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    job = JOBS["prepare_model"]()
    *progress, reply = job.run(job.Request(source="org/tiny"), Control())
    shares = [event.share for event in progress]
    assert reply.data == {"path": str(tiny_model)}
    assert shares == [-1.0, 0.4, 1.0]
    assert not any("bin" in pattern or "pt" in pattern for pattern in asked["allow_patterns"])


def test_a_download_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(_: str, **options: Any) -> str:
        with options["tqdm_class"](total=1000, unit="B") as bar:
            for _step in range(1000):
                bar.update(1)
                time.sleep(0.001)
        return "never"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    control = Control()
    steps = prepare("org/tiny", control)
    next(steps)
    control.stop()
    with pytest.raises(UserError, match="cancelled"):
        list(steps)
