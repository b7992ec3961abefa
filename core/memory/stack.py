"""What training programs do with memory, as far as they differ.

`OURS` is this program. `TRAINER` is PEFT's layers in the Trainer of transformers 5, which is what
people compare with; full fine-tuning is planned for it. Other programs are described in the terms
of these fields (see `core.memory.table`).
"""

from dataclasses import dataclass
from typing import Literal

LossKind = Literal["picked", "torch", "fused", "linear", "chunks", "kept-chunks"]
Upcast = Literal["none", "norms", "all"]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How the cross-entropy is computed.

    Attributes:
        kind: "picked": trained tokens alone, in chunks, as ours. "torch": log-softmax of all logits
            in fp32. "fused": a kernel that writes the gradient over the logits. "linear": head and
            loss fused, a chunk of logits at a time. "chunks": all logits in the compute type, their
            loss in chunks (torchtune). "kept-chunks": the same, and every chunk in fp32 stays for
            backward (litgpt).
        keeps_narrow: The logits in the compute type live beside their fp32 copy in forward.
        shifts: A shifted copy of the fp32 logits is made, as transformers did up to 4.50.
        held: The caller holds the model's output, and so the logits, through backward.
    """

    kind: LossKind
    keeps_narrow: bool = True
    shifts: bool = False
    held: bool = False


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A training program.

    Attributes:
        name: For people.
        ours: Adapter products in one step, packed rows, no gradient below the first adapter.
        loss: Its cross-entropy.
        autocast: Products run under torch.autocast, which keeps casts of their inputs.
        upcast: Which frozen numbers outside of the quantized matrices become fp32 in QLoRA: "all"
            as PEFT's `prepare_model_for_kbit_training` does, "norms", or "none".
        adapter_follows: Adapters have the type of the weights; else fp32, as PEFT makes them.
        fused_norms: Norms are one kernel and keep their input as it is.
        fused_step: The optimizer step makes no temporary as large as the parameters.
        masked: Several rows are padded to one length, so that attention gets a mask.
        keeps_inputs: 4-bit products keep their inputs (bitsandbytes before 0.43.2).
        offloads: Checkpointed hidden states wait in the memory of the processor.
        steps_in_backward: Each gradient is used and freed as soon as it is there.
        reentrant: Checkpointed blocks are computed again to their very end, as was the Trainer's
            default up to transformers 4.
        repeats_keys: The flash kernel is given keys and values repeated for every head of the
            queries, as those of Mistral were up to transformers 4.47.
        fused_adapters: q, k and v with their adapters are one function of a common input, and o is
            one, on 4-bit matrices.
        gptq_group: Weights that share a scale in GPTQ, 0 for one scale per column; None where 4-bit
            weights are those of bitsandbytes.
    """

    name: str
    ours: bool = False
    loss: Loss
    autocast: bool = False
    upcast: Upcast = "none"
    adapter_follows: bool = False
    fused_norms: bool = False
    fused_step: bool = False
    masked: bool = True
    keeps_inputs: bool = False
    offloads: bool = False
    steps_in_backward: bool = False
    reentrant: bool = False
    repeats_keys: bool = False
    fused_adapters: bool = False
    gptq_group: int | None = None


OURS = Stack(name="rankscope", ours=True, loss=Loss(kind="picked"), fused_step=True)
TRAINER = Stack(name="trainer", loss=Loss(kind="torch"))
