"""The times of events: taken out of them, checked, and as numbers that windows count with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np

from flowlike.batches import Batch, events_of
from flowlike.operators.keys import Key, key_function
from flowlike.operators.notes import Place, describe_batch, describe_event

__all__ = ["EventTimes"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Beyond these the borders of windows are no longer exact.
_MOST_INT = 1 << 62
_MOST_EXACT = 1 << 53

Numbers = np.ndarray[Any, np.dtype[Any]]


class EventTimes:
    """Gives the times of a batch as an array of int64 or float64.

    Numbers stay seconds. Aware datetimes become microseconds since 1970 in UTC. A run has one of
    the two, which the first event decides.

    Args:
        by: gives the time of an event.
        by_batch: gives the times of an array.
        label: the window, for messages.
        place: the replica, for notes.
    """

    __slots__ = ("_by", "_by_batch", "_integers", "_key", "_place", "_unit", "label")

    def __init__(
        self,
        by: Key | None,
        by_batch: Callable[[Any], Any] | None,
        label: str,
        place: Place,
    ) -> None:
        self._key = by
        self._by = None if by is None else key_function(by, "by")
        self._by_batch = by_batch
        self.label = label
        self._place = place
        self._unit: Literal["numbers", "datetimes"] | None = None
        self._integers = False

    def of(self, batch: Batch) -> Numbers:
        """The times of the events, in their order.

        Raises:
            ValueError: one of them is no finite number and no aware datetime, is of another
                kind than those before, or too far away.
        """
        is_array = isinstance(batch, np.ndarray)
        if self._by is None or (is_array and self._by_batch is not None):
            return self._from_array(self._call_by_batch(batch), batch)
        if is_array and (column := _column(batch, self._key)) is not None:
            return self._from_array(column, batch)
        return self._from_values(self._call_by(batch), batch)

    def duration(self, seconds: float) -> int | float:
        """A duration in the unit of the times; an int where it is a whole number.

        Raises:
            ValueError: it is less than a microsecond, and the times are datetimes.
        """
        if self._unit == "datetimes":
            ticks = round(seconds * 1e6)
            if ticks == 0:
                raise ValueError(
                    f"{self.label} has a duration of {seconds!r} s, less than the microsecond "
                    f"that datetimes tell apart"
                )
            return ticks
        return int(seconds) if seconds.is_integer() and seconds < _MOST_EXACT else seconds

    def shown(self, time: float) -> Any:
        """A time in the units of ``by``.

        Raises:
            ValueError: it is before the first or after the last datetime.
        """
        if self._unit == "datetimes":
            try:
                return EPOCH + timedelta(microseconds=int(time))
            except OverflowError:
                raise ValueError(
                    f"a window of {self.label} starts outside of the years 1 to 9999"
                ) from None
        return int(time) if self._integers and time == int(time) else float(time)

    # From events to values.

    def _call_by(self, batch: Batch) -> list[Any]:
        assert self._by is not None
        events = iter(events_of(batch))
        try:
            times = list(map(self._by, events))
        except Exception as error:
            position = len(batch) - events.__length_hint__() - 1  # type: ignore[attr-defined]
            self._note(error, batch, position)
            raise
        if len(times) < len(batch):  # `map` takes that for its own end
            stopped = RuntimeError(f"the by of {self.label} raised StopIteration")
            self._note(stopped, batch, len(times))
            raise stopped
        return times

    def _call_by_batch(self, batch: Batch) -> Any:
        assert self._by_batch is not None
        array = batch if isinstance(batch, np.ndarray) else np.asarray(list(events_of(batch)))
        try:
            return self._by_batch(array)
        except Exception as error:
            self._place.note(error, self.label, describe_batch(batch))
            raise

    # From values to numbers.

    def _from_values(self, values: list[Any], batch: Batch) -> Numbers:
        kinds = set(map(type, values))
        if kinds <= {int, float}:
            self._decide("numbers", values[0], batch)
        else:
            values = self._normal(values, batch)
            kinds = set(map(type, values))
        try:
            if kinds == {int}:
                return self._checked(np.fromiter(values, np.int64, len(values)), values, batch)
            return self._checked(np.fromiter(values, np.float64, len(values)), values, batch)
        except OverflowError:
            position = max(range(len(values)), key=lambda index: abs(values[index]))
            raise self._refusal(values[position], "is too far from 0", batch, position) from None

    def _normal(self, values: list[Any], batch: Batch) -> list[Any]:
        """The values as ints (microseconds, if they are datetimes) and floats."""
        datetimes = isinstance(values[0], datetime)
        normal = []
        for position, value in enumerate(values):
            if isinstance(value, datetime):
                if value.utcoffset() is None:
                    cure = "give it a timezone"
                    if isinstance(batch, np.ndarray) and batch.dtype.kind == "M":
                        cure = "take the times of a datetime64 array as they are, with by_batch"
                    raise self._refusal(value, f"is a naive datetime; {cure}", batch, position)
                if not datetimes:
                    raise self._mixed(value, batch, position)
                normal.append((value - EPOCH) // _MICROSECOND)
            elif isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, Decimal)):
                raise self._refusal(value, "is neither", batch, position)
            elif datetimes:
                raise self._mixed(value, batch, position)
            else:
                whole = isinstance(value, (int, np.integer))
                normal.append(int(value) if whole else float(value))  # type: ignore[arg-type]
        self._decide("datetimes" if datetimes else "numbers", values[0], batch)
        return normal

    def _from_array(self, times: Any, batch: Batch) -> Numbers:
        if not isinstance(times, np.ndarray) or times.shape != (len(batch),):
            shown = f"of shape {times.shape}" if isinstance(times, np.ndarray) else repr(times)
            error = ValueError(
                f"the by_batch of {self.label} must give an array of {len(batch)} times, one "
                f"for each event, not {shown:.80}"
            )
            self._place.note(error, self.label, describe_batch(batch))
            raise error
        if times.dtype.kind == "M":
            if np.isnat(times).any():
                raise self._refusal("NaT", "is neither", batch, int(np.isnat(times).argmax()))
            self._decide("datetimes", times[0], batch)
            return self._checked(times.astype("M8[us]").view(np.int64), times, batch)
        if times.dtype.kind not in "iuf":
            raise self._refusal(times[0], f"({times.dtype}) is neither", batch, 0)
        if times.dtype.kind == "u" and times.max() >= _MOST_INT:
            raise self._refusal(times.max(), "is too far from 0", batch, int(times.argmax()))
        self._decide("numbers", times[0], batch)
        wanted = np.float64 if times.dtype.kind == "f" else np.int64
        return self._checked(times.astype(wanted, copy=False), times, batch)

    def _checked(self, numbers: Numbers, values: Sequence[Any] | Numbers, batch: Batch) -> Numbers:
        """The same, if all of them are finite and not too far away."""
        self._integers = numbers.dtype.kind == "i"
        if self._integers:
            if numbers.max() >= _MOST_INT or numbers.min() <= -_MOST_INT:
                position = int(np.abs(numbers.astype(np.float64)).argmax())
                raise self._refusal(values[position], "is too far from 0", batch, position)
        elif not np.isfinite(numbers).all():
            position = int(np.isfinite(numbers).argmin())
            raise self._refusal(values[position], "is neither", batch, position)
        return numbers

    def _decide(self, unit: Literal["numbers", "datetimes"], first: Any, batch: Batch) -> None:
        if self._unit is None:
            self._unit = unit
        elif self._unit != unit:
            raise self._mixed(first, batch, 0)

    # What is wrong.

    def _mixed(self, value: Any, batch: Batch, position: int) -> ValueError:
        return self._refusal(value, "comes among the other of the two kinds", batch, position)

    def _refusal(self, value: Any, why: str, batch: Batch, position: int) -> ValueError:
        shown = describe_event(value.item() if isinstance(value, np.generic) else value)[6:]
        error = ValueError(
            f"the event times of {self.label} must be finite numbers of seconds or aware "
            f"datetimes, and {shown} {why}"
        )
        self._note(error, batch, position)
        return error

    def _note(self, error: Exception, batch: Batch, position: int) -> None:
        (event,) = events_of(batch[position : position + 1])
        self._place.note(error, self.label, describe_event(event))


def _column(batch: Any, key: Any) -> Any:
    """The column of an array that a key names, if there is one."""
    if isinstance(key, int) and not isinstance(key, bool) and batch.ndim == 2:
        return batch[:, key]
    if isinstance(key, str) and batch.dtype.names and key in batch.dtype.names:
        return batch[key]
    return None
