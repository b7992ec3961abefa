"""Models of the hub without their weights: what is asked, what is kept, what each refusal says."""

import json
from collections.abc import Callable, Generator
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _http

from core.cli import main
from core.control import Control
from core.errors import UserError
from core.jobs import JOBS
from core.models.describe import describe_model
from core.models.hub_descriptions import kept_description
from core.models.info import Architecture
from core.models.json import from_json
from core.models.prepare import prepare
from core.models.sources import find_models, open_model
from core.paths import descriptions_dir
from tests.core.memory.memory_shapes import LLAMA_405B, llama
from tests.core.models.fake_hub import FakeHub, write_hollow_model

ID = "org/model"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeHub]:
    """Makes a hub that has one model, of 16 GB unless it says otherwise."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def make(shards: int = 1, architecture: Architecture | None = None) -> FakeHub:
        folder = tmp_path / "hollow"
        write_hollow_model(folder, architecture or llama(), shards)
        made = FakeHub(folder)
        client = httpx2.Client(transport=httpx2.MockTransport(made), follow_redirects=True)
        monkeypatch.setattr(_http, "_GLOBAL_CLIENT", client)
        return made

    return make


@pytest.mark.parametrize("shards", [1, 4])
def test_a_model_of_16_gb_costs_its_headers(hub: Callable[..., FakeHub], shards: int) -> None:
    made = hub(shards)
    info = describe_model(ID)
    assert info.parameters == 8_030_261_248  # the published count of Llama-3-8B
    assert len(info.grid.cells) == 7 * 32
    assert (info.kind, info.path, info.licence) == ("hub", "", "llama3")
    assert info.disk_bytes > 16e9
    weights = {n: size for n, size in made.served.items() if n.endswith(".safetensors")}
    assert len(weights) == shards
    assert max(weights.values()) <= 100_001
    assert sum(made.served.values()) < 1e6


def test_the_second_time_needs_no_network(hub: Callable[..., FakeHub]) -> None:
    made = hub()
    job = JOBS["describe_model"]()
    (first,) = job.run(job.Request(source=ID), Control())
    made.online, asked = False, made.requests
    (again,) = job.run(job.Request(source=ID), Control())
    assert made.requests == asked
    assert from_json(again.data) == from_json(first.data) == open_model(ID)
    assert open_model(ID) in find_models([ID])


def test_plan_takes_a_hub_id(
    hub: Callable[..., FakeHub], capsys: pytest.CaptureFixture[str]
) -> None:
    made = hub()
    command = ["plan", "--model", ID, "--gpu-memory", "24GiB", "--json"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["parameters"] == 8_030_261_248
    assert len(document["plans"]) == 5
    made.online = False
    assert main(command) == 0


@pytest.mark.parametrize(
    ("refusal", "online", "message", "hint"),
    [
        ("GatedRepo", True, "conditions accepted", "hf auth login"),
        ("RepoNotFound", True, "has no model org/model", "spelling"),
        ("", False, "could not be reached", "Go online"),
    ],
    ids=["gated", "missing", "offline"],
)
def test_a_refusal_is_said_and_not_kept(
    hub: Callable[..., FakeHub], refusal: str, online: bool, message: str, hint: str
) -> None:
    made = hub()
    made.refusal, made.online = refusal, online
    with pytest.raises(UserError, match=message) as caught:
        describe_model(ID)
    assert hint in caught.value.hint
    assert kept_description(ID) is None
    made.refusal, made.online = "", True
    assert describe_model(ID).parameters


def test_a_damaged_description_is_asked_for_again(hub: Callable[..., FakeHub]) -> None:
    made = hub()
    describe_model(ID)
    (file,) = descriptions_dir().iterdir()
    for content in ("{", "[]", '{"source": "org/model"}'):
        file.write_text(content)
        asked = made.requests
        assert describe_model(ID).parameters == 8_030_261_248
        assert made.requests > asked


def test_a_folder_that_cannot_be_written_costs_the_next_request_only(
    hub: Callable[..., FakeHub], home: Path
) -> None:
    hub()
    home.mkdir()
    (home / "descriptions").write_text("in the way")
    assert describe_model(ID).parameters
    assert kept_description(ID) is None


def test_a_description_is_no_model_to_train(
    hub: Callable[..., FakeHub], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub()
    describe_model(ID)
    monkeypatch.chdir(tiny_model)  # an empty path must not lead here
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tiny_model))
    steps = prepare(ID, Control())
    assert next(steps).message.startswith("Asking the hub")
    assert result_of(steps) == tiny_model


def result_of(steps: Generator[object, None, Path]) -> Path:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return Path(end.value)


def test_a_header_above_100_kb_is_fetched_whole(hub: Callable[..., FakeHub]) -> None:
    made = hub(1, LLAMA_405B)
    info = describe_model(ID)
    assert info.architecture.layers == 126
    assert len(info.grid.cells) == 7 * 126
    assert 100_001 < made.served["model.safetensors"] < 400_000  # of 810 GB
