"""Test stages and flows without sleeping: a virtual clock, seeded interleavings, probes."""

from flowlike.testing.interleaving import SeededRunQueue as SeededRunQueue
from flowlike.testing.probe_consumer import ProbeConsumer as ProbeConsumer
from flowlike.testing.probe_producer import ProbeProducer as ProbeProducer
from flowlike.testing.running import interleaved as interleaved
from flowlike.testing.running import run as run
from flowlike.testing.virtual_loop import VirtualLoop as VirtualLoop
from flowlike.testing.virtual_loop import settled as settled

__all__ = [
    "ProbeConsumer",
    "ProbeProducer",
    "SeededRunQueue",
    "VirtualLoop",
    "interleaved",
    "run",
    "settled",
]
