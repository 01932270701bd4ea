"""The design tokens, read from the stylesheet itself: what it names, and how well its colours can be told apart."""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

STYLESHEET = Path(settings.BASE_DIR, "redreport", "static", "site.css")

# WCAG 2.2: for words, and for what only has to be seen, such as the edge of a field.
WORDS, SHAPES = 4.5, 3.0
# What stands on what, and the contrast it needs.
PAIRS = (
    ("ink", "paper", WORDS),
    ("ink", "tint", WORDS),
    ("quiet", "paper", WORDS),
    ("quiet", "tint", WORDS),
    ("red", "paper", WORDS),
    ("red", "tint", WORDS),
    ("on-red", "red-fill", WORDS),
    ("on-red", "red-fill-deep", WORDS),
    ("ink", "field", WORDS),
    ("quiet", "field", WORDS),
    ("good", "paper", SHAPES),
    ("edge", "paper", SHAPES),
    ("edge", "field", SHAPES),
    ("focus", "paper", SHAPES),
    ("focus", "tint", SHAPES),
)

TOKEN = re.compile(r"^\s*--([\w-]+): (.+);$", re.MULTILINE)
TWO_SCHEMES = re.compile(r"light-dark\((#\w+), (#\w+)\)")


@dataclass(frozen=True)
class Color:
    name: str
    light: str
    dark: str


@dataclass(frozen=True)
class Pair:
    """One color on another, in both schemes."""

    front: Color
    ground: Color
    needed: float

    @property
    def light(self) -> float:
        return contrast(self.front.light, self.ground.light)

    @property
    def dark(self) -> float:
        return contrast(self.front.dark, self.ground.dark)


def tokens() -> dict[str, str]:
    """Every token of the stylesheet, in its order: its name without dashes, and its value as written."""
    layer = STYLESHEET.read_text().split("@layer tokens {")[1].split("\n}")[0]
    return dict(TOKEN.findall(layer))


def colors() -> dict[str, Color]:
    """The tokens that are colors, with what they are in each scheme."""
    return {name: Color(name, *_schemes(value)) for name, value in tokens().items() if "#" in value}


def pairs() -> list[Pair]:
    """Which color stands on which, and how far apart the two are."""
    known = colors()
    return [Pair(known[front], known[ground], needed) for front, ground, needed in PAIRS]


def contrast(one: str, other: str) -> float:
    """The contrast of two colors as WCAG reckons it, from 1 to 21, cut to one decimal."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return int((lighter + 0.05) / (darker + 0.05) * 10) / 10


def _schemes(value: str) -> tuple[str, str]:
    two = TWO_SCHEMES.fullmatch(value)
    return (two[1], two[2]) if two else (value, value)


def _luminance(color: str) -> float:
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
