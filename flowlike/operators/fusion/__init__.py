"""Fusion: consecutive operators become one generated function."""

from flowlike.operators.fusion.fused import Fused as Fused
from flowlike.operators.fusion.source import MOST_FUSED as MOST_FUSED

__all__ = ["Fused", "MOST_FUSED"]
