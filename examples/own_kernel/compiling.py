"""Compile a small C file with cffi (2.1 or newer), once, and load it.

cffi's API mode: the C compiler checks the declarations against the code, and a call costs
less than a microsecond. A library of your own would do this when it is installed (flowlike's
``native/CMakeLists.txt`` shows how); here it happens at the first run, so that there is
nothing to install.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType


def compiled(source: Path, declarations: Path, folder: Path) -> ModuleType:
    """The cffi module of a C file, with ``ffi`` and ``lib``; built if it is not in ``folder``.

    Args:
        source: the C file.
        declarations: a file with its functions, as in a header.
        folder: where the modules are kept, one for every version of the source.

    Raises:
        subprocess.CalledProcessError: cffi or the C compiler found a mistake, and printed it.
    """
    content = declarations.read_bytes() + source.read_bytes() + sys.version.encode()
    name = f"_{source.stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    module_path = folder / f"{name}.abi3.so"
    if not module_path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Built aside and renamed into place, so that two runs at once do not disturb each other.
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            _build(name, source, declarations, Path(aside)).replace(module_path)
    spec = importlib.util.spec_from_file_location(name, module_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _build(name: str, source: Path, declarations: Path, folder: Path) -> Path:
    code, library = folder / f"{name}.c", folder / f"{name}.so"
    subprocess.run(
        [sys.executable, "-m", "cffi.gen_src", "read-sources", name, declarations, source, code],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        [
            *os.environ.get("CC", "cc").split(),
            *("-O3", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"),
            *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()),
            *("-o", library, code),
        ],
        check=True,
    )
    return library
