"""The state of a run between two steps as the files of a checkpoint, and back.

  adapter_model.safetensors, adapter_config.json   the adapter in PEFT's format
  optimizer.safetensors                            the moments, one tensor per parameter and kind
  cursor.json                                      how far the run is

The random numbers of a step follow from the seed and the step (see `core.training.seeds`), the
learning rate from the step; so the cursor needs no state of either.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load, save

from core.data.batches import OrderState
from core.training.checkpoint import Checkpoint
from core.training.optimizers import page_again

if TYPE_CHECKING:
    from core.training.trainee import Trainee

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
MOMENTS = "optimizer.safetensors"
CURSOR = "cursor.json"

_Scalars = dict[str, dict[str, int | float]]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far a run is.

    Attributes:
        step: Optimizer steps done.
        evaluated: Step of the last finished evaluation, -1 before the first.
        best_step: Step with the lowest validation loss after training began, -1 for none.
        order: Where the order of the rows stands.
        micro_batch: Rows that went through at once: as set, or fewer where memory forced it; 0
            before the first step.
        loss_scale: Factor on the loss of fp16 so far, likewise.
    """

    order: OrderState
    step: int = 0
    evaluated: int = -1
    first_loss: float | None = None
    best_step: int = -1
    best_loss: float | None = None
    micro_batch: int = 0
    loss_scale: float = 0.0

    def after_step(self, order: OrderState, *, micro_batch: int, loss_scale: float) -> "Cursor":
        """Return the cursor one step further, with the order of the rows where it stands now."""
        done = replace(self, step=self.step + 1, order=order)
        return replace(done, micro_batch=micro_batch, loss_scale=loss_scale)

    def after_evaluation(self, loss: float) -> "Cursor":
        """Return the cursor with the validation loss of the current step taken in."""
        done = replace(self, evaluated=self.step)
        if self.step == 0:
            return replace(done, first_loss=loss)
        if self.best_loss is None or loss < self.best_loss:
            return replace(done, best_step=self.step, best_loss=loss)
        return done


def files_of(
    trainee: "Trainee", cursor: Cursor, *, copied: bool = True
) -> dict[str, Callable[[], bytes]]:
    """Return the files of a checkpoint; each is made when it is called.

    Args:
        trainee: What is in training.
        cursor: How far it is.
        copied: Copy the state now, so that training may go on; else whoever calls sees to it that
            nothing changes before all files are made.
    """

    def weights() -> dict[str, torch.Tensor]:
        tensors = adapter_tensors(trainee.model)
        return {name: _apart(tensor, trainee) for name, tensor in tensors.items()}

    made = weights() if copied else None
    moments = _moments(trainee) if copied else None
    config = config_json(trainee.model, trainee.base_name)
    content = {"cursor": asdict(cursor), "optimizer": _scalars(trainee)}
    return {
        WEIGHTS: lambda: save(made or weights(), metadata={"format": "pt"}),
        CONFIG: lambda: config,
        MOMENTS: lambda: save(_moments(trainee) if moments is None else moments),
        CURSOR: lambda: json.dumps(content, indent=1).encode(),
    }


def restore(trainee: "Trainee", checkpoint: Checkpoint) -> Cursor:
    """Put the adapter and the optimizer back to where `checkpoint` was taken.

    Raises:
        ValueError: The checkpoint holds other parameters than this run.
    """
    tensors = load(checkpoint.read(WEIGHTS))
    if tensors.keys() != adapter_tensors(trainee.model).keys():
        raise ValueError("the checkpoint was made with other target layers or another method")
    set_peft_model_state_dict(trainee.model, tensors)
    content = json.loads(checkpoint.read(CURSOR))
    _restore_optimizer(trainee, load(checkpoint.read(MOMENTS)), content["optimizer"])
    return Cursor(**content["cursor"])


def adapter_tensors(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return the adapter's tensors under PEFT's names, on the CPU."""
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def config_json(model: PeftModel, base_name: str) -> bytes:
    """Return PEFT's adapter_config.json for the adapter as it is."""
    content = model.peft_config["default"].to_dict()
    content |= {"base_model_name_or_path": base_name, "inference_mode": True}
    content = {k: sorted(v) if isinstance(v, set) else v for k, v in content.items()}
    return json.dumps(content, indent=2, sort_keys=True).encode()


def state_bytes(trainee: "Trainee") -> int:
    """Return about how many bytes a checkpoint takes: the weights and two moments, in fp32."""
    return 12 * trainee.trainable_parameters


def _apart(tensor: torch.Tensor, trainee: "Trainee") -> torch.Tensor:
    """Return a tensor on the CPU that no step changes; what came from a GPU is one already."""
    return tensor.clone() if trainee.precision.device.type == "cpu" else tensor


def _moments(trainee: "Trainee") -> dict[str, torch.Tensor]:
    """Return the tensors of the optimizer, keyed by parameter and kind.

    They are copies: bitsandbytes shares one quantization map among parameters, and safetensors
    refuses tensors that share memory.
    """
    return {
        f"{name}/{kind}": value.detach().cpu().contiguous().clone()
        for name, parameter in trainee.parameters.items()
        for kind, value in trainee.optimizer.state.get(parameter, {}).items()
        if isinstance(value, torch.Tensor)
    }


def _scalars(trainee: "Trainee") -> _Scalars:
    """Return the plain numbers of the optimizer, by parameter and kind."""
    scalars: _Scalars = {}
    for name, parameter in trainee.parameters.items():
        for kind, value in trainee.optimizer.state.get(parameter, {}).items():
            if not isinstance(value, torch.Tensor):
                scalars.setdefault(name, {})[kind] = value
    return scalars


def _restore_optimizer(
    trainee: "Trainee", tensors: dict[str, torch.Tensor], scalars: _Scalars
) -> None:
    by_name: dict[str, dict[str, Any]] = {name: dict(kinds) for name, kinds in scalars.items()}
    for key, tensor in tensors.items():
        name, kind = key.rsplit("/", 1)
        by_name.setdefault(name, {})[kind] = tensor
    names = {id(parameter): name for name, parameter in trainee.parameters.items()}
    optimizer = trainee.optimizer
    order = [names[id(p)] for group in optimizer.param_groups for p in group["params"]]
    state = {i: by_name[name] for i, name in enumerate(order) if name in by_name}
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    page_again(optimizer)
