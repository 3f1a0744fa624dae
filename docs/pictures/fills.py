"""Fills that can be told apart without colour."""

from __future__ import annotations

__all__ = ["DEFINITIONS", "STYLE"]

STYLE = """
  .hatched { fill: url(#hatched); stroke: #1d2024; stroke-width: 1 }
  .upright { fill: url(#upright); stroke: #1d2024; stroke-width: 1 }
  .pointed { fill: url(#pointed); stroke: #1d2024; stroke-width: 1 }
  .solid { fill: #1d2024; stroke: none }
  .grey { fill: #a3a7ad; stroke: #1d2024; stroke-width: 1 }
  .blank { fill: #fcfbf8; stroke: #1d2024; stroke-width: 1 }
  .bare { fill: #efede6; stroke: none }
  .ink { stroke: #1d2024; stroke-width: 1.3; fill: none }
  @media (prefers-color-scheme: dark) {
    .hatched, .upright, .pointed, .grey, .blank, .ink { stroke: #e9e7e1 }
    .solid { fill: #e9e7e1 }
    .grey { fill: #6d727a }
    .blank { fill: #1b1d21 }
    .bare { fill: #2a2d33 }
  }
"""

DEFINITIONS = """<defs>
<pattern id="hatched" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="ink" d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"/></pattern>
<pattern id="upright" width="4" height="4" patternUnits="userSpaceOnUse">
<path class="ink" d="M2,0 v4"/></pattern>
<pattern id="pointed" width="6" height="6" patternUnits="userSpaceOnUse">
<path class="ink" d="M0.8,2 h1.6 M3.8,5 h1.6"/></pattern>
</defs>"""
