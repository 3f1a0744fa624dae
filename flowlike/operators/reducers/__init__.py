"""The running form of the operators that reduce."""

from flowlike.operators.reducers.make import make_reducer as make_reducer
from flowlike.operators.reducers.reducer import Reducer as Reducer

__all__ = ["Reducer", "make_reducer"]
