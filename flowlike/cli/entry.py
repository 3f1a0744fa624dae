"""Where the program ``flowlike`` begins."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        argv: the arguments; default those of the process.

    Raises:
        ModuleNotFoundError: a module is missing that belongs to no extra.
        SystemExit: always, with the status; with a message where an extra is missing.
    """
    try:
        # Lazily: the extra may be missing, and then something has to say so.
        from flowlike.cli.commands import flowlike  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        raise SystemExit(
            f"flowlike: the command line needs {error.name}: pip install 'flowlike[cli]'"
        ) from error
    flowlike.main(args=None if argv is None else list(argv), prog_name="flowlike")
