"""Pictures of figures with their intervals, as SVG that stands in the page: bars, quartiles, and a plane."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from detox_cli.services.report.page import Element, breakable, element
from detox_cli.statistics.bootstrap import Estimate

WIDTH, LABELS, ROW, TOP, BOTTOM = 460, 130, 20, 6, 26
PLANE, HEAD, LETTER = 380, 24, 7
WIDE_LABELS = 250
"""Sizes in pixels: of a picture, its labels, a row; the plane's height, what is above it, letters."""


@dataclass(frozen=True)
class Box:
    """The quartiles of some values."""

    label: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Point:
    """Something on a plane, with its intervals; ``front`` if nothing is better in both."""

    label: str
    x: Estimate
    y: Estimate
    front: bool


@dataclass(frozen=True)
class Scale:
    """Values to pixels, linear."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is, kept inside."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values, a few of them."""
        raw = (self.high - self.low) / 5
        step = 10 ** floor(log10(raw))
        step *= next(times for times in (1, 2, 5, 10) if times * step >= raw)
        first = -(-self.low // step)
        count = int((self.high - first * step) / step + 1e-9) + 1
        return [round((first + i) * step, 10) for i in range(count)]


def bars(title: str, figures: Sequence[tuple[str, Estimate]], labels: int = LABELS) -> Element:
    """A bar for each figure from 0 on, with its interval; figures may be negative.

    ``labels`` is the room for the names, in pixels; longer ones are cut in the middle.
    """
    ends = [value for _, one in figures for value in (one.low, one.mean, one.high)]
    scale = _rows_scale(min([0.0, *ends]), max([0.0, *ends]), labels)
    drawn = _grid(scale, len(figures))
    for row, (label, one) in enumerate(figures):
        y, zero = TOP + row * ROW, scale(0)
        left, width = min(zero, scale(one.mean)), abs(scale(one.mean) - zero)
        drawn.append(_label(label, y, labels))
        drawn.append(element("rect", x=left, y=y + 4, width=max(width, 0.5), height=ROW - 8, class_="bar"))
        drawn.append(_line(scale(one.low), y + ROW / 2, scale(one.high), y + ROW / 2))
        drawn += [_line(scale(end), y + 6, scale(end), y + ROW - 6) for end in (one.low, one.high)]
        drawn[-3].append(element("title", f"{label}: {one}, n = {one.n}"))
    return _picture(title, drawn, TOP + len(figures) * ROW + BOTTOM, WIDTH - LABELS + labels)


def boxes(title: str, quartiles: Sequence[Box]) -> Element:
    """A box from the lower to the upper quartile with a line at the median, for each."""
    scale = _rows_scale(0.0, max(box.high for box in quartiles))
    drawn = _grid(scale, len(quartiles))
    for row, box in enumerate(quartiles):
        y = TOP + row * ROW
        drawn.append(_label(box.label, y))
        width = max(scale(box.high) - scale(box.low), 0.5)
        drawn.append(element("rect", x=scale(box.low), y=y + 4, width=width, height=ROW - 8, class_="bar"))
        drawn.append(_line(scale(box.middle), y + 2, scale(box.middle), y + ROW - 2))
        drawn[-1].append(element("title", f"{box.label}: {box.low:.4g}, {box.middle:.4g}, {box.high:.4g}"))
    return _picture(title, drawn, TOP + len(quartiles) * ROW + BOTTOM)


def plane(title: str, across: str, up: str, points: Sequence[Point]) -> Element:
    """Points with intervals in both directions, those on the front joined by a line; lower left is best."""
    bottom = PLANE - 2 * BOTTOM
    x = _around([one.x for one in points], 60, WIDTH - 70)
    y = _around([one.y for one in points], bottom, HEAD)
    drawn = _axes(across, up, x, y, WIDTH - 70)
    best = sorted((one for one in points if one.front), key=lambda one: one.x.mean)
    line = " ".join(f"{x(one.x.mean)},{y(one.y.mean)}" for one in best)
    drawn.append(element("polyline", points=line, class_="front"))
    for one in points:
        at, height = x(one.x.mean), y(one.y.mean)
        drawn.append(_line(x(one.x.low), height, x(one.x.high), height))
        drawn.append(_line(at, y(one.y.low), at, y(one.y.high)))
        mark = element("circle", cx=at, cy=height, r=4, class_="point" if one.front else "beaten")
        mark.append(element("title", f"{one.label}: {across} {one.x}, {up} {one.y}"))
        drawn += [mark, element("text", one.label, x=at + 7, y=height - 6)]
    return _picture(title, drawn, PLANE)


def curves(title: str, across: str, series: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Element:
    """One or two lines over a common axis, such as losses over steps; each has at least one point."""
    points = [point for _, line in series for point in line]
    x = _over([at for at, _ in points], 60, WIDTH - 14)
    y = _over([value for _, value in points], PLANE - 2 * BOTTOM, HEAD)
    drawn = _axes(across, "", x, y, WIDTH - 14)
    for number, (label, line) in enumerate(series):
        name = "other" if number else "curve"
        drawn.append(element("polyline", points=" ".join(f"{x(a)},{y(b)}" for a, b in line), class_=name))
        drawn[-1].append(element("title", label))
        if len(line) == 1:  # which has no length
            drawn.append(element("circle", cx=x(line[0][0]), cy=y(line[0][1]), r=4, class_=name))
        drawn.append(element("line", x1=70 + 150 * number, y1=12, x2=90 + 150 * number, y2=12, class_=name))
        drawn.append(element("text", label, x=96 + 150 * number, y=16))
    return _picture(title, drawn, PLANE)


def _over(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    return Scale(low, high if high > low else low + 1, start, end)


def _axes(across: str, up: str, x: Scale, y: Scale, right: float) -> list[Element]:
    """The names of two axes, and lines at their round values."""
    bottom = PLANE - 2 * BOTTOM
    drawn = [element("text", across, x=WIDTH / 2, y=PLANE - 8, text_anchor="middle")]
    if up:
        drawn.append(element("text", up, x=4, y=12))
    for tick in x.ticks():
        drawn.append(element("line", x1=x(tick), y1=HEAD, x2=x(tick), y2=bottom, class_="grid"))
        drawn.append(
            element("text", f"{tick:g}", x=x(tick), y=bottom + 14, text_anchor="middle", class_="soft")
        )
    for tick in y.ticks():
        drawn.append(element("line", x1=60, y1=y(tick), x2=right, y2=y(tick), class_="grid"))
        drawn.append(element("text", f"{tick:g}", x=54, y=y(tick) + 4, text_anchor="end", class_="soft"))
    return drawn


def _rows_scale(low: float, high: float, labels: int = LABELS) -> Scale:
    return Scale(low, high if high > low else low + 1, labels, WIDTH - LABELS + labels - 14)


def _around(estimates: Sequence[Estimate], start: float, end: float) -> Scale:
    low, high = min(one.low for one in estimates), max(one.high for one in estimates)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return Scale(max(0.0, low - room) if low >= 0 else low - room, high + room, start, end)


def _grid(scale: Scale, rows: int) -> list[Element]:
    bottom, drawn = TOP + rows * ROW, []
    for tick in scale.ticks():
        at = scale(tick)
        drawn.append(element("line", x1=at, y1=TOP, x2=at, y2=bottom, class_="grid"))
        drawn.append(element("text", f"{tick:g}", x=at, y=bottom + 14, text_anchor="middle", class_="soft"))
    return drawn


def _label(text: str, y: float, room: int = LABELS) -> Element:
    fits = room // LETTER
    shown = text if len(text) <= fits else f"{text[: fits // 2 - 1]}\u2026{text[-(fits - fits // 2) :]}"
    label = element("text", shown, x=room - 6, y=y + ROW / 2 + 4, text_anchor="end")
    if shown != text:
        label.append(element("title", text))
    return label


def _line(x1: float, y1: float, x2: float, y2: float) -> Element:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="line")


def _picture(title: str, drawn: Sequence[Element], height: float, width: float = WIDTH) -> Element:
    name = element("title", title)
    picture = element(
        "svg", name, *drawn, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img"
    )
    return element("figure", element("figcaption", *breakable(title)), picture)
