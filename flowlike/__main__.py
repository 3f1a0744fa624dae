"""``python -m flowlike`` is the program ``flowlike``."""

from flowlike.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
