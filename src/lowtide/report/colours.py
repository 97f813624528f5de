"""Colours that can be told apart: a fill and a line for each storage."""

from __future__ import annotations

from math import cos, pi, sin

from lowtide.rows.liveness import Lives


def storage_colours(lives: Lives) -> dict[str, tuple[str, str]]:
    """A fill and a line for each storage: hues go round with time, neighbours differ by a third."""
    names = sorted(lives, key=lambda name: (int(lives[name].start.min()), name))
    hues = {name: 250 + 137.508 * k for k, name in enumerate(names)}
    found = {
        name: (_oklch(0.83 - 0.05 * (k % 3), 0.085, hues[name]), _oklch(0.52, 0.1, hues[name]))
        for k, name in enumerate(names)
    }
    return {name: found[name] for name in lives}


def _oklch(light: float, chroma: float, degrees: float) -> str:
    """A colour of Ottosson's OKLCH, in which equal lightness looks equally light, as #rrggbb."""
    a, b = chroma * cos(degrees * pi / 180), chroma * sin(degrees * pi / 180)
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    bounded = (min(max(v, 0.0), 1.0) for v in linear)
    gamma = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in bounded)
    return "#" + "".join(f"{round(255 * v):02x}" for v in gamma)
