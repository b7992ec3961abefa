"""Valid adapters, their damaged copies, and what a damaged copy really says.

The meaning is computed in another way than the program does it: the official safetensors reader,
dense matrices, and each format's own formula.
"""

import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.core.ranks.rank_folders import safetensors_bytes

PREFIX = "base_model.model."
MODULES = {"layers.0.wide": (12, 9), "layers.0.square": (12, 12), "layers.1.wide": (12, 9)}
RANK = 4
Tensors = dict[str, np.ndarray]


@dataclass
class Adapter:
    """An adapter on its way to the disk; `config` is None for a file by itself."""

    tensors: dict[str, tuple[str, np.ndarray]]
    config: dict[str, Any] | None
    raw: bytes = b""
    text: str = ""

    def write(self, folder: Path) -> Path:
        """Write it and return what to open."""
        if self.config is None:
            path = folder / "x.safetensors"
            path.write_bytes(self.raw)
            return path
        (folder / "adapter_model.safetensors").write_bytes(self.raw)
        (folder / "adapter_config.json").write_text(self.text)
        return folder


def _parts(kind: str, shape: tuple[int, int], random: np.random.Generator) -> Tensors:
    m, n = shape
    draw = random.standard_normal
    match kind:
        case "loha":
            return {
                "hada_w1_a": draw((m, RANK)), "hada_w1_b": draw((RANK, n)),
                "hada_w2_a": draw((m, RANK)), "hada_w2_b": draw((RANK, n)),
            }  # fmt: skip
        case "lokr":
            return {"lokr_w1": draw((3, 3)), "lokr_w2_a": draw((m // 3, RANK)),
                    "lokr_w2_b": draw((RANK, n // 3))}  # fmt: skip
        case "adalora":
            return {"lora_A": draw((RANK, n)), "lora_B": draw((m, RANK)), "lora_E": draw((RANK, 1))}
        case "ia3":
            return {"ia3_l": draw((m, 1))}
        case "kohya":
            return {"lora_down.weight": draw((RANK, n)), "lora_up.weight": draw((m, RANK)),
                    "alpha": np.array(2.0)}  # fmt: skip
        case _:
            return {"lora_A.weight": draw((RANK, n)), "lora_B.weight": draw((m, RANK))} | (
                {"lora_magnitude_vector": np.abs(draw(m))} if kind == "dora" else {}
            )


CONFIGS: dict[str, dict[str, Any] | None] = {
    "lora": {"peft_type": "LORA", "r": RANK, "lora_alpha": 6, "rank_pattern": {}},
    "rslora": {"peft_type": "LORA", "r": RANK, "lora_alpha": 6, "use_rslora": True,
               "alpha_pattern": {"square": 3}},
    "dora": {"peft_type": "LORA", "r": RANK, "lora_alpha": 6, "use_dora": True},
    "adalora": {"peft_type": "ADALORA", "init_r": RANK, "lora_alpha": 6},
    "loha": {"peft_type": "LOHA", "r": RANK, "alpha": 6},
    "lokr": {"peft_type": "LOKR", "r": RANK, "alpha": 6},
    "ia3": {"peft_type": "IA3"},
    "kohya": None,
}  # fmt: skip


def valid(kind: str, seed: int) -> Adapter:
    """Return a good adapter of a kind."""
    random = np.random.default_rng(seed)
    dtype, numbers = [("F32", "<f4"), ("F16", "<f2"), ("F64", "<f8")][seed % 3]
    tensors = {}
    for name, shape in MODULES.items():
        for part, values in _parts(kind, shape, random).items():
            stem = f"lora_te_{name.replace('.', '_')}" if kind == "kohya" else PREFIX + name
            tensors[f"{stem}.{part}"] = (dtype, values.astype(numbers))
    config = CONFIGS[kind]
    adapter = Adapter(tensors, None if config is None else dict(config))
    adapter.raw, adapter.text = safetensors_bytes(tensors), json.dumps(config)
    return adapter


# --- damage -----------------------------------------------------------------------------------


def _pick(adapter: Adapter, rng: Random) -> tuple[str, str, np.ndarray]:
    key = rng.choice(sorted(adapter.tensors))
    return key, *adapter.tensors[key]


def drop(adapter: Adapter, rng: Random) -> None:
    del adapter.tensors[_pick(adapter, rng)[0]]


def rename(adapter: Adapter, rng: Random) -> None:
    key, *tensor = _pick(adapter, rng)
    old, new = rng.choice(
        [("lora_A", "lora_B"), ("_a", "_b"), ("layers", "layer"), ("0", "7"), ("weight", "weigth"),
         ("lora_", "lorax_"), (".", "_"), ("w1", "w3"), ("down", "up"), ("base_model.", ""),
         ("lora_A", "lora_A.other"), ("lora_A", "lora_mid"), ("ia3_l", "ia3_x")]
    )  # fmt: skip
    del adapter.tensors[key]
    adapter.tensors[key.replace(old, new, 1)] = tuple(tensor)  # type: ignore[assignment]


def swap(adapter: Adapter, rng: Random) -> None:
    one, other = _pick(adapter, rng)[0], _pick(adapter, rng)[0]
    tensors = adapter.tensors
    tensors[one], tensors[other] = tensors[other], tensors[one]


def spoil(adapter: Adapter, rng: Random) -> None:
    key, dtype, values = _pick(adapter, rng)
    values = values.copy()
    values.reshape(-1)[rng.randrange(values.size)] = rng.choice([math.nan, math.inf, -math.inf])
    adapter.tensors[key] = dtype, values


def enlarge(adapter: Adapter, rng: Random) -> None:
    key, dtype, values = _pick(adapter, rng)
    adapter.tensors[key] = dtype, (values * values.dtype.type(rng.choice([1e-4, 1e3, -1]))).copy()


def silence(adapter: Adapter, rng: Random) -> None:
    key, dtype, values = _pick(adapter, rng)
    adapter.tensors[key] = dtype, np.zeros_like(values)


def reshape(adapter: Adapter, rng: Random) -> None:
    key, dtype, values = _pick(adapter, rng)
    change: Callable[[np.ndarray], np.ndarray] = rng.choice(
        [np.transpose, np.ravel, lambda x: x[None], lambda x: x[..., None], lambda x: x[:1],
         lambda x: x[:0], lambda x: np.concatenate([x, x]), lambda x: np.atleast_2d(x)[:, :-1],
         lambda x: np.array(1.0, x.dtype), lambda x: x.reshape(*x.shape, 1, 1)]
    )  # fmt: skip
    changed = values if values.ndim == 0 else np.ascontiguousarray(change(values))
    adapter.tensors[key] = dtype, changed


def relabel(adapter: Adapter, rng: Random) -> None:
    """Call the bits another number type of the same size."""
    key, dtype, values = _pick(adapter, rng)
    other = {"F32": ["I32", "U32"], "F16": ["BF16", "I16"], "F64": ["I64", "U64"]}.get(
        dtype, [dtype]
    )
    adapter.tensors[key] = rng.choice(other), values


def add(adapter: Adapter, rng: Random) -> None:
    key = rng.choice(
        [f"{PREFIX}lm_head.weight", f"{PREFIX}layers.0.wide.lora_C.weight", "x", "\n", "é.lora_A",
         f"{PREFIX}layers.0.wide.lora_A.weight\n", f"{PREFIX}new.hada_w1_a"]
    )  # fmt: skip
    adapter.tensors[key] = "F32", np.ones((2, 2), "<f4")


def configure(adapter: Adapter, rng: Random) -> None:
    if adapter.config is None:
        return
    values: list[Any] = [0, -1, 2, 4, 8, 10**6, "four", None, 1.5, True, [], {}, 1e30, -3]
    patterns: list[Any] = [{"wide": 2}, {"(": 4}, {"(a+)+$": 4}, {".*": 4}, {"wide": "x"}, [1],
                           {".*.*.*.*.*x": 4}, {"square": RANK}, {"layers.0.wide": 4}]  # fmt: skip
    key = rng.choice(
        ["r", "lora_alpha", "alpha", "init_r", "use_rslora", "use_dora", "peft_type",
         "rank_pattern", "alpha_pattern", "target_parameters", "fan_in_fan_out", "unknown"]
    )  # fmt: skip
    if key.endswith("pattern"):
        adapter.config[key] = rng.choice(patterns)
    elif key == "peft_type":
        adapter.config[key] = rng.choice(["LORA", "LOHA", "IA3", "OFT", None, 3, "ADALORA"])
    elif key.startswith("use_"):
        adapter.config[key] = rng.choice([True, False])
    else:
        adapter.config[key] = rng.choice(values)


def break_header(adapter: Adapter, rng: Random) -> None:
    """Change a number, a name or a quotation mark inside the header's text."""
    raw = bytearray(adapter.raw)
    length = int.from_bytes(raw[:8], "little")
    header = bytes(raw[8 : 8 + length]).decode(errors="replace")
    places = [match.span() for match in re.finditer(r"\d+|[{}\[\]:,\"]", header)]
    first, last = rng.choice(places or [(0, 0)])
    new = rng.choice(["0", "1", "4", "9", "12", "-1", "99999999999999999999", "", "1.0", "[", '"'])
    text = (header[:first] + new + header[last:]).encode()
    adapter.raw = struct.pack("<Q", len(text)) + text + bytes(raw[8 + length :])


def flip(adapter: Adapter, rng: Random) -> None:
    raw = bytearray(adapter.raw)
    if raw:
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    adapter.raw = bytes(raw)


def cut(adapter: Adapter, rng: Random) -> None:
    kept = rng.randrange(1 + len(adapter.raw))
    adapter.raw = rng.choice([adapter.raw[:kept], adapter.raw + b"\0" * (kept % 9 + 1)])


def announce(adapter: Adapter, rng: Random) -> None:
    length = rng.choice([0, 1, 10**12, 2**63, 2**64 - 1, 100_000_001, len(adapter.raw)])
    adapter.raw = length.to_bytes(8, "little") + adapter.raw[8:]


def tear(adapter: Adapter, rng: Random) -> None:
    if adapter.config is not None:
        adapter.text = adapter.text[: rng.randrange(1 + len(adapter.text))]


TENSORS = (drop, rename, swap, spoil, enlarge, silence, reshape, relabel, add, configure)
BYTES = (break_header, flip, cut, announce, tear)


def mutant(seed: int) -> tuple[str, Adapter]:
    """Return one damaged adapter and how it was made; the same for the same seed."""
    rng = Random(seed)
    kind = rng.choice(sorted(CONFIGS))
    adapter = valid(kind, seed)
    damage: list[Callable[[Adapter, Random], None]] = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        damage.append(rng.choice(TENSORS + BYTES))
    for one in sorted(damage, key=lambda how: how in BYTES):
        if one in TENSORS:
            one(adapter, rng)
            adapter.raw = safetensors_bytes(adapter.tensors)
            adapter.text = json.dumps(adapter.config)
        else:
            one(adapter, rng)
    return f"{kind}: {', '.join(how.__name__ for how in damage)}", adapter


# --- meaning ----------------------------------------------------------------------------------


def meaning(adapter: Adapter) -> dict[str, np.ndarray]:
    """Return ΔW (or the vector of IA³) by module.

    Raises:
        Exception: The file says nothing, or nothing that can be trusted.
    """
    from safetensors.torch import load

    loaded = load(adapter.raw)
    assert all(tensor.is_floating_point() for key, tensor in loaded.items() if _split(key)[1])
    tensors = {key: tensor.double().numpy() for key, tensor in loaded.items()}
    config = None if adapter.config is None else json.loads(adapter.text)
    modules: dict[str, Tensors] = {}
    for key, values in tensors.items():
        name, part = _split(key)
        if part:
            assert part not in modules.setdefault(name, {})
            modules[name][part] = values
    assert modules
    return {name: _delta(name, parts, config) for name, parts in modules.items()}


_PART = re.compile(
    r"(.+)\.(lora_A|lora_B|lora_E|lora_magnitude_vector|lora_down|lora_up|alpha|ia3_l|"
    r"hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)(?:\.\w+)?(?:\.weight)?"
)


def _split(key: str) -> tuple[str, str]:
    match = _PART.fullmatch(key)
    return (match[1].removeprefix(PREFIX), match[2]) if match else (key, "")


def _delta(name: str, parts: Tensors, config: dict[str, Any] | None) -> np.ndarray:
    assert all(np.isfinite(values).all() and values.size for values in parts.values())
    if config is None:
        alpha = parts.get("alpha")
        b, a = _matrix(parts["lora_up"]), _matrix(parts["lora_down"])
        return (1.0 if alpha is None else float(alpha.reshape(())) / len(a)) * (b @ a)
    kind = config.get("peft_type", "LORA")
    if kind == "IA3":
        return parts["ia3_l"]
    rank = _of(config.get("rank_pattern"), name, config["init_r" if kind == "ADALORA" else "r"])
    alpha = config["alpha" if kind in ("LOHA", "LOKR") else "lora_alpha"]
    scaling = _of(config.get("alpha_pattern"), name, alpha) / rank
    if kind == "LOHA":
        one, other = (parts[f"hada_w{i}_a"] @ parts[f"hada_w{i}_b"] for i in (1, 2))
        assert parts["hada_w1_a"].shape[1] == rank
        return scaling * (one * other)
    if kind == "LOKR":
        assert parts["lokr_w2_a"].shape[1] == rank
        return scaling * np.kron(parts["lokr_w1"], parts["lokr_w2_a"] @ parts["lokr_w2_b"])
    b, a = _matrix(parts["lora_B"]), _matrix(parts["lora_A"])
    assert a.shape[0] == b.shape[1] == rank
    if kind == "ADALORA":  # PEFT passes alpha_pattern by
        assert alpha > 0
        return alpha / (config["init_r"] + 1e-5) * (b * parts["lora_E"].T) @ a
    assert kind == "LORA"
    assert ("lora_magnitude_vector" in parts) == bool(config.get("use_dora"))
    return scaling * (math.sqrt(rank) if config.get("use_rslora") else 1.0) * (b @ a)


def _matrix(values: np.ndarray) -> np.ndarray:
    assert values.ndim >= 2
    return values.reshape(len(values), -1)


def _of(patterns: Any, name: str, usual: Any) -> Any:
    for key, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({key})$", name):
            return value
    return usual
