"""Base models: where they come from, and what can be read of them without loading weights."""

from core.models.info import (
    Architecture,
    BrokenModel,
    LinearModule,
    ModelInfo,
    ModuleGrid,
    TensorSpec,
)

__all__ = ["Architecture", "BrokenModel", "LinearModule", "ModelInfo", "ModuleGrid", "TensorSpec"]
