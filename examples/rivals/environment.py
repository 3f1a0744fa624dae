"""A virtual environment for each library, made by pip, with flowlike beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment", "InstallError", "Library", "build_wheel", "read_libraries"]

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


class InstallError(Exception):
    """pip could not install a library. The text is its reason."""


@dataclass(frozen=True, slots=True)
class Library:
    """One row of the table.

    Args:
        name: of the adapter.
        title: as the table says it.
        requires: what pip is given, with the versions.
    """

    name: str
    title: str
    requires: tuple[str, ...]


def read_libraries(path: Path) -> list[Library]:
    """The libraries of a file like ``versions.toml``, in its order.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be read.
        tomllib.TOMLDecodeError: it is no TOML.
        ValueError: a version is not pinned.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    libraries = [
        Library(name, entry["title"], tuple(entry["requires"])) for name, entry in entries.items()
    ]
    for library in libraries:
        for each in library.requires:
            if "==" not in each:
                raise ValueError(f"{path.name} has to pin {library.name} with ==, not {each!r}")
    return libraries


def build_wheel(folder: Path, project: Path) -> Path:
    """Build flowlike's own wheel into a folder.

    Args:
        folder: where to.
        project: where ``pyproject.toml`` is.

    Raises:
        InstallError: it cannot be built.
    """
    for old in folder.glob("flowlike-*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(project))
    (wheel,) = folder.glob("flowlike-*.whl")
    return wheel


class Environment:
    """One virtual environment.

    Args:
        folder: where it is, or is to be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.python = folder / "bin" / "python"

    def install(self, library: Library, wheel: Path) -> None:
        """Make it, unless it is there, with the library and flowlike.

        Args:
            library: which one.
            wheel: flowlike's.

        Raises:
            InstallError: pip has failed; says why.
        """
        if not self.python.exists():
            venv.create(self._folder, symlinks=True)
        into = ("--python", str(self.python), "install")
        _pip(*into, *library.requires, str(wheel))
        # The version stays the same while flowlike is worked on, so pip would leave the old one.
        _pip(*into, "--force-reinstall", "--no-deps", str(wheel))

    def versions(self) -> dict[str, str]:
        """What is installed: name and version.

        Raises:
            InstallError: pip has failed.
        """
        lines = _pip("--python", str(self.python), "freeze").splitlines()
        return dict(line.split("==", 1) for line in lines if "==" in line)

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self._folder)


def _pip(*arguments: str) -> str:
    done = subprocess.run([*_PIP, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise InstallError("; ".join(errors)[:300] or f"pip has failed ({done.returncode})")
    return done.stdout
