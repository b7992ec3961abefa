"""Every optimizer against an independent one, and the factors of LoRA+."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.adapters import ADAPTERS
from core.errors import UserError
from core.memory.methods import METHODS
from core.memory.trained import optimizer_bytes
from core.memory.workload import Known, ModelCells, Workload
from core.models.sources import open_model
from core.settings import RunSettings, TrainingSettings
from core.training.lion import Lion
from core.training.optimizers import build_optimizer, page_again, parameter_groups

OPTIMIZERS = ["adamw", "adamw8bit", "lion", "adafactor", "sgd"]
Step = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]


def settings(**changes: object) -> TrainingSettings:
    return TrainingSettings.model_validate({"learning_rate": 0.01, **changes})


def adapted(model_folder: Path, method: str = "lora", *, b: float = 0.1) -> torch.nn.Module:
    """Return the tiny model with an adapter of rank 8; `b` is the deviation of B from zero."""
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    adapter = ADAPTERS[method].Settings.model_validate({"rank": 8})
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
        config = ADAPTERS[method].peft_config(adapter, ["q_proj", "down_proj"])
        model = get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=b)
    return model


def trained(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


def step(model: torch.nn.Module, chosen: TrainingSettings) -> torch.optim.Optimizer:
    """Do one step as the loop does it, on the same gradient every time."""
    optimizer = build_optimizer(model, chosen)
    ids = torch.arange(3, 40)[None]
    model(input_ids=ids, labels=ids).loss.backward()
    for group in optimizer.param_groups:
        group["lr"] = chosen.learning_rate * group["rate_factor"]
    optimizer.step()
    return optimizer


def references(rate: float, decay: float) -> dict[str, Step]:
    """Return the rules as the papers write them, one number type up."""
    state = {"m": torch.zeros(()).double(), "v": torch.zeros(()).double()}
    rows, columns = torch.zeros(()).double(), torch.zeros(()).double()

    def lion(w: torch.Tensor, g: torch.Tensor, _: int) -> torch.Tensor:
        direction = torch.sign(0.9 * state["m"] + 0.1 * g)
        state["m"] = 0.99 * state["m"] + 0.01 * g
        return w - rate * (direction + decay * w)

    def adamw(w: torch.Tensor, g: torch.Tensor, t: int) -> torch.Tensor:
        state["m"] = 0.9 * state["m"] + 0.1 * g
        state["v"] = 0.999 * state["v"] + 0.001 * g * g
        m, v = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
        return w - rate * (m / (v.sqrt() + 1e-8) + decay * w)

    def adafactor(w: torch.Tensor, g: torch.Tensor, t: int) -> torch.Tensor:
        nonlocal rows, columns
        beta = 1 - t**-0.8
        rows = beta * rows + (1 - beta) * (g * g + 1e-30).sum(1, keepdim=True)
        columns = beta * columns + (1 - beta) * (g * g + 1e-30).sum(0, keepdim=True)
        update = g / (rows * columns / rows.sum()).sqrt()
        update = update / max(1.0, update.square().mean().sqrt().item())
        return w - rate * (update + decay * w)

    def sgd(w: torch.Tensor, g: torch.Tensor, _: int) -> torch.Tensor:
        return w - rate * (g + decay * w)

    return {"lion": lion, "adamw": adamw, "adafactor": adafactor, "sgd": sgd}


@pytest.mark.parametrize("name", ["adamw", "lion", "adafactor", "sgd"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_an_optimizer_does_what_its_paper_says(name: str, decay: float) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(7, 5, bias=False)
    expected = model.weight.detach().double()
    optimizer = build_optimizer(model, settings(optimizer=name, weight_decay=decay))
    reference = references(0.01, decay)[name]
    for t in range(1, 8):
        model.weight.grad = torch.randn(5, 7)
        expected = reference(expected, model.weight.grad.double(), t)
        optimizer.step()
        torch.testing.assert_close(model.weight.detach().double(), expected, atol=1e-6, rtol=1e-5)


def test_8_bit_adamw_stays_near_adamw() -> None:
    weights = {}
    for name in ("adamw", "adamw8bit"):
        torch.manual_seed(0)
        model = torch.nn.Linear(128, 64, bias=False)
        start = model.weight.detach().clone()
        optimizer = build_optimizer(model, settings(optimizer=name))
        for _ in range(10):
            model.weight.grad = torch.randn(64, 128)
            optimizer.step()
        weights[name] = model.weight.detach() - start
    error = (weights["adamw8bit"] - weights["adamw"]).norm() / weights["adamw"].norm()
    assert 0 < error < 0.1


def test_adamw_is_fused_where_torch_can() -> None:
    (group,) = build_optimizer(torch.nn.Linear(2, 2), settings()).param_groups
    assert group["fused"]
    from torch.utils._foreach_utils import _get_fused_kernels_supported_devices

    from core.training.optimizers import FUSED_DEVICES

    assert set(_get_fused_kernels_supported_devices()) >= FUSED_DEVICES


def test_paged_states_without_a_gpu_are_refused() -> None:
    with pytest.raises(UserError, match="needs an NVIDIA GPU") as caught:
        build_optimizer(torch.nn.Linear(2, 2), settings(optimizer="paged_adamw8bit"))
    assert "adamw8bit" in caught.value.hint


def test_loaded_states_are_paged_again() -> None:
    """With bitsandbytes' stand-in for a processor, which pages nothing but asks for the buffers."""
    from bitsandbytes.optim import PagedAdamW8bit

    parameter = torch.nn.Parameter(torch.ones(64, 128))
    parameter.grad = torch.randn(64, 128)
    optimizer = PagedAdamW8bit([parameter])
    with pytest.warns(UserWarning, match="not supported on CPU"):
        optimizer.step()
    state = optimizer.state[parameter]
    before = {kind: state[kind] for kind in ("state1", "state2")}
    page_again(optimizer)
    for kind, tensor in before.items():
        assert state[kind] is not tensor
        assert torch.equal(state[kind], tensor)


def test_lion_leaves_parameters_without_a_gradient_alone() -> None:
    used, unused = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    used.grad = torch.tensor([1.0, -2.0, 0.0])
    optimizer = Lion([used, unused], lr=0.5, weight_decay=0.1)
    optimizer.step()
    assert used.tolist() == pytest.approx([0.45, 1.45, 0.95])
    assert unused.tolist() == [1.0, 1.0, 1.0]
    assert unused not in optimizer.state


def test_without_lora_plus_all_parameters_are_one_group(tiny_model: Path) -> None:
    model = adapted(tiny_model)
    (group,) = parameter_groups(model, settings())
    assert group["rate_factor"] == 1.0
    assert [id(p) for p in group["params"]] == [id(p) for p in trained(model).values()]


def changes_at(ratio: float, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return what one step of plain SGD adds to every trained parameter."""
    before = {name: p.detach().clone() for name, p in trained(model).items()}
    step(model, settings(optimizer="sgd", lora_plus=ratio))
    return {name: p.detach() - before[name] for name, p in trained(model).items()}


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_lora_plus_changes_b_exactly_so_many_times_as_much(tiny_model: Path, method: str) -> None:
    """From B = 0, so that the sum rounds nothing, at a ratio that is a power of two."""
    plain, fast = (changes_at(r, adapted(tiny_model, method, b=0.0)) for r in (1.0, 16.0))
    names = [name for name in plain if ".lora_B." in name]
    assert len(names) == 4
    for name in names:
        assert plain[name].abs().max() > 0
        assert torch.equal(fast[name], 16.0 * plain[name])


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_lora_plus_changes_nothing_else(tiny_model: Path, method: str) -> None:
    plain, fast = (changes_at(r, adapted(tiny_model, method)) for r in (1.0, 16.0))
    names = [name for name in plain if ".lora_B." not in name]
    assert len(names) == (8 if method == "dora" else 4)
    for name in names:
        assert plain[name].abs().max() > 0
        assert torch.equal(fast[name], plain[name])


@pytest.mark.parametrize("method", ["lora", "dora"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_planned_states_are_the_real_ones(
    tiny_model: Path, optimizer: str, method: str
) -> None:
    model = adapted(tiny_model, method)
    made = step(model, settings(optimizer=optimizer))
    moments = {k: v for state in made.state.values() for k, v in state.items()}
    counted = sum(
        value.nbytes
        for state in made.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.numel() > 1
    )
    changes = {
        "adapter.method": method,
        "adapter.rank": 8,
        "adapter.targets": ("q_proj", "down_proj"),
        "training.optimizer": optimizer,
    }
    run = RunSettings().with_changes(changes)
    cells = ModelCells.of(open_model(str(tiny_model)), run.adapter.targets)
    planned = optimizer_bytes(Workload.of(cells, run, METHODS[0], Known(on_cpu=True)))
    if optimizer == "adamw8bit":  # tensors this small stay in 32 bits
        assert moments["state1"].dtype == torch.float32
        planned *= 8 / (2 + 2 * 4 / 256)
    assert math.isclose(counted, planned)
