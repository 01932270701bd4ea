"""Plots drawn here as SVG: bars side by side, or lines, over months. Nothing is fetched, no script, no style attribute.

On a page their colors are those of the desk's stylesheet, in light and dark; a file of its own carries its colors with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 760, 320
LEFT, RIGHT, TOP, BOTTOM = 96, 12, 56, 44
STEPS = 4
# Of Okabe and Ito, which color-blind readers tell apart, on white paper.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
INK, PAPER, GRID = "#222222", "#ffffff", "#cccccc"
MOST_LABELS = 13


@dataclass(frozen=True)
class Series:
    """One row of numbers, one for each label of the plot's axis."""

    label: str
    numbers: Sequence[int]


@dataclass(frozen=True)
class Plot:
    """What is drawn. `describe` is what somebody hears who does not see it; `say` writes a number at the axis."""

    name: str
    title: str
    describe: str
    labels: Sequence[str]
    series: Sequence[Series]
    say: Callable[[int], str]
    is_lines: bool = False

    def on_page(self) -> SafeString:
        """The drawing as a part of a page, in the page's colors."""
        return mark_safe(_draw(self, own_colors=False))

    def as_file(self) -> bytes:
        """The drawing as a file of its own."""
        return ('<?xml version="1.0" encoding="UTF-8"?>\n' + _draw(self, own_colors=True)).encode()


def _draw(plot: Plot, *, own_colors: bool) -> str:
    numbers = [number for series in plot.series for number in series.numbers] or [0]
    scale = _Scale.over(min(0, *numbers), max(0, *numbers))
    paint = _Paint(own_colors)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="desk-plot" '
        f'aria-labelledby="{plot.name}-title {plot.name}-desc" font-family="sans-serif" font-size="12">',
        f'<title id="{plot.name}-title">{escape(plot.title)}</title><desc id="{plot.name}-desc">{escape(plot.describe)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" {paint.of("paper", PAPER)}/>' if own_colors else "",
        f'<text x="{LEFT}" y="18" font-size="15" font-weight="bold" {paint.of("ink", INK)}>{escape(plot.title)}</text>',
        *_legend(plot, paint),
        *_axis(plot, scale, paint),
        *(_lines(plot, scale, paint) if plot.is_lines else _bars(plot, scale, paint)),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class _Paint:
    own_colors: bool

    def of(self, part: str, color: str, how: str = "fill") -> str:
        """The attributes that color a part: by the page's stylesheet, or by themselves."""
        return f'{how}="{color}"' if self.own_colors else f'class="desk-plot-{part}"'

    def series(self, number: int, how: str = "fill") -> str:
        kind = "line" if how == "stroke" else "bar"
        return self.of(f"{kind}-{number % len(COLORS) + 1}", COLORS[number % len(COLORS)], how)


@dataclass(frozen=True)
class _Scale:
    """From numbers to the height at which they are drawn, in whole steps of the axis."""

    lowest: int
    highest: int
    step: int

    @classmethod
    def over(cls, lowest: int, highest: int) -> "_Scale":
        step = _round_up(max(1, -(-(highest - lowest) // STEPS)))
        return cls(lowest // step * step, max(-(-highest // step) * step, lowest // step * step + step), step)

    def y(self, number: int) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.highest - number) / (self.highest - self.lowest)

    @property
    def marks(self) -> range:
        return range(self.lowest, self.highest + 1, self.step)


def _round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power = 10 ** (len(str(number)) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= number)


def _legend(plot: Plot, paint: _Paint) -> list[str]:
    parts, x = [], LEFT
    for number, series in enumerate(plot.series):
        parts.append(f'<rect x="{x}" y="30" width="12" height="12" {paint.series(number)}/>')
        parts.append(f'<text x="{x + 17}" y="40" {paint.of("ink", INK)}>{escape(series.label)}</text>')
        x += 40 + 7 * len(series.label)
    return parts


def _axis(plot: Plot, scale: _Scale, paint: _Paint) -> list[str]:
    parts = []
    for mark in scale.marks:
        y = scale.y(mark)
        grid = paint.of("zero" if mark == 0 else "grid", INK if mark == 0 else GRID, "stroke")
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {grid}/>')
        said = escape(plot.say(mark))
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" {paint.of("ink", INK)}>{said}</text>')
    every = -(-len(plot.labels) // MOST_LABELS) or 1
    for number, label in enumerate(plot.labels):
        if number % every == 0:
            x, y = _middle(plot, number), HEIGHT - BOTTOM + 20
            said = escape(label)
            parts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle" font-size="10" {paint.of("ink", INK)}>{said}</text>')
    return parts


def _room(plot: Plot) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, len(plot.labels))


def _middle(plot: Plot, number: int) -> float:
    return LEFT + _room(plot) * (number + 0.5)


def _bars(plot: Plot, scale: _Scale, paint: _Paint) -> list[str]:
    parts, wide = [], _room(plot) * 0.8 / max(1, len(plot.series))
    for which, series in enumerate(plot.series):
        for number, value in enumerate(series.numbers):
            x = _middle(plot, number) + wide * (which - len(plot.series) / 2)
            top, bottom = sorted((scale.y(value), scale.y(0)))
            said = escape(f"{plot.labels[number]}, {series.label}: {plot.say(value)}")
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{bottom - top:.1f}" {paint.series(which)}>'
                f"<title>{said}</title></rect>"
            )
    return parts


def _lines(plot: Plot, scale: _Scale, paint: _Paint) -> list[str]:
    parts = []
    for which, series in enumerate(plot.series):
        points = [(_middle(plot, number), scale.y(value)) for number, value in enumerate(series.numbers)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke-width="2" {paint.series(which, "stroke")}/>')
        for (x, y), label, value in zip(points, plot.labels, series.numbers, strict=True):
            said = escape(f"{label}, {series.label}: {plot.say(value)}")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {paint.series(which)}><title>{said}</title></circle>')
    return parts
