"""Measure the spectra of an adapter on one thread, against torch and PEFT.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python scripts/bench_ranks.py [--write]

The matrices have the sizes of a real model and random numbers. Ours does every module, from an
adapter file in float32 to the singular values. The rivals form ΔW: they do the smallest kind of
module of the 8B model, and the rest is extrapolated by m·n·min(m, n), for `svd_lowrank` by m·n.
With --write the table in docs/benchmarks.md is replaced. Exit code 1 when a promise is broken.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora.conversion import _convert_module_to_lora

from core.ranks import AdapterFiles
from core.ranks.gram import gram_singular_values
from speed.report import write_section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
PROMISES = {("8B", 16): 0.6, ("8B", 64): 6.0}  # seconds of one core
SMALLEST = (1024, 4096)
MODELS = {  # layers, and the shapes of the matrices of one
    "8B": (32, [(4096, 4096)] * 2 + [(1024, 4096)] * 2 + [(14336, 4096)] * 2 + [(4096, 14336)]),
    "405B": (126, [(16384, 16384)] * 2 + [(1024, 16384)] * 2 + [(53248, 16384)] * 2
             + [(16384, 53248)]),
}  # fmt: skip
CASES = (("8B", 8), ("8B", 16), ("8B", 64), ("405B", 16))


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Spectra against torch and PEFT, one thread.")
    parser.add_argument("--write", action="store_true", help="replace it in docs/benchmarks.md")
    arguments = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        sys.stderr.write("error: Set OPENBLAS_NUM_THREADS=1: the promises are for one core.\n")
        return 2
    torch.set_num_threads(1)
    lines = [
        "| Model | r | From the file (R) | Live (G) | `svd(B @ A)` | `svd_lowrank` | PEFT |",
        "|---|---|---|---|---|---|---|",
    ]
    kept = True
    for model, rank in CASES:
        ours, live = from_the_file(model, rank), by_grams(model, rank)
        promise = PROMISES.get((model, rank), np.inf)
        kept = kept and ours <= promise
        said = f" (promise {promise:g})" if promise < np.inf else ""
        rivals = " | ".join(f"≈ {seconds:,.0f} s" for seconds in extrapolated(model, rank))
        lines.append(f"| {model} | {rank} | {ours:.2f} s{said} | {live:.2f} s | {rivals} |")
        print(lines[-1], flush=True)
    if arguments.write:
        write_section(PAGE, "spectra", "\n".join(lines))
    return 0 if kept else 1


def shapes(model: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield names and shapes of all modules of a model."""
    layers, kinds = MODELS[model]
    for layer in range(layers):
        for number, shape in enumerate(kinds):
            yield f"model.layers.{layer}.m{number}", shape


def from_the_file(model: str, rank: int) -> float:
    """Return the processor seconds of reading an adapter and of all its singular values.

    The file has one layer and is read as often as the model has layers.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_one_layer(Path(folder), model, rank)
        started = time.process_time()
        for _ in range(MODELS[model][0]):
            assert sum(1 for _ in AdapterFiles(Path(folder))) == len(MODELS[model][1])
        return time.process_time() - started


def write_one_layer(folder: Path, model: str, rank: int) -> None:
    """Write a PEFT folder with the modules of one layer."""
    random = np.random.default_rng(0)
    header, parts, end = {}, [], 0
    for name, (m, n) in list(shapes(model))[: len(MODELS[model][1])]:
        for side, shape in (("A", (rank, n)), ("B", (m, rank))):
            raw = random.standard_normal(shape).astype("<f4").tobytes()
            key = f"base_model.model.{name}.lora_{side}.weight"
            offsets = [end, end + len(raw)]
            header[key] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
            parts.append(raw)
            end += len(raw)
    text = json.dumps(header).encode()
    data = b"".join([len(text).to_bytes(8, "little"), text, *parts])
    (folder / "adapter_model.safetensors").write_bytes(data)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def by_grams(model: str, rank: int) -> float:
    """Return the processor seconds of one live update: both products and all eigenvalues."""
    layers, kinds = MODELS[model]
    random = np.random.default_rng(0)
    factors = [
        (random.standard_normal((m, rank)), random.standard_normal((rank, n))) for m, n in kinds
    ]
    started = time.process_time()
    g = np.stack([a @ a.T for _, a in factors])
    h = np.stack([b.T @ b for b, _ in factors])
    gram_singular_values(g, h, np.ones(len(kinds)))
    return (time.process_time() - started) * layers


def extrapolated(name: str, rank: int) -> tuple[float, float, float]:
    """Return the processor seconds of the rivals for the whole model."""
    m, n = SMALLEST
    model = torch.nn.Sequential(torch.nn.Linear(n, m, bias=False))
    layer: Any = inject_adapter_in_model(LoraConfig(r=rank, target_modules=["0"]), model)[0]
    b, a = layer.lora_B["default"].weight, layer.lora_A["default"].weight
    torch.nn.init.normal_(b)
    with torch.no_grad():
        dense = seconds_of(lambda: torch.linalg.svd(b @ a, full_matrices=False))
        low = seconds_of(lambda: torch.svd_lowrank(b @ a, q=rank, niter=4))
        peft = seconds_of(lambda: _convert_module_to_lora(layer, rank=0.95))
    sizes = [shape for _, shape in shapes(name)]
    cubic = sum(m * n * min(m, n) for m, n in sizes) / (m * n * min(m, n))
    square = sum(m * n for m, n in sizes) / (m * n)
    return dense * cubic, low * square, peft * cubic


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
