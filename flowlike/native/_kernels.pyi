# Built from native/kernels.cdef; cffi's objects have no types of their own.
from typing import Any

ffi: Any
lib: Any
