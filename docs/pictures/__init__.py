"""The pictures of the documentation: ``cd docs && python -m pictures`` draws them all."""

from pictures.gallery import PICTURES as PICTURES

__all__ = ["PICTURES"]
