"""Worker processes, and the links to them. A worker starts with what it imports, and no more."""

__all__ = []
