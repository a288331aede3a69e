"""A pen that draws in a subject's own coordinates, whatever its pose in the picture.

Subjects are drawn in a box of about -1 to 1, x to the right and y down; the pen turns, scales,
slants and mirrors them onto the canvas. Colours are (red, green, blue), 0 to 255.
"""

import math
from random import Random

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

PAINT = (
    (196, 44, 40),
    (36, 74, 160),
    (232, 232, 228),
    (40, 42, 46),
    (150, 154, 160),
    (226, 178, 40),
    (38, 112, 70),
    (110, 40, 52),
    (70, 130, 180),
    (206, 196, 170),
)
GLASS = ((58, 74, 92), (130, 160, 182), (30, 36, 44), (176, 200, 214))
TYRE = (28, 28, 30)
DARK = (24, 22, 24)
_CIRCLE = tuple((math.cos(2 * math.pi * k / 18), math.sin(2 * math.pi * k / 18)) for k in range(18))


class Pen:
    """Draws polygons, ovals and strokes through an affine map.

    Args:
        canvas: RGB image to draw on.
        centre: where the subject's origin lands, in pixels.
        size: pixels per unit of the subject's coordinates.
        turn: rotation in degrees, clockwise on the screen.
        slant: horizontal shear.
        mirrored: True to face left.
    """

    def __init__(self, canvas: Image.Image, centre: Point, size: float, turn=0.0, slant=0.0, mirrored=False):
        self._draw = ImageDraw.Draw(canvas)
        cos, sin = size * math.cos(math.radians(turn)), size * math.sin(math.radians(turn))
        side = -1 if mirrored else 1
        self._matrix = (side * cos, slant * cos - sin, side * sin, slant * sin + cos)
        self._centre = centre
        self.size = size

    def at(self, points) -> list[Point]:
        """Canvas positions of points in the subject's coordinates."""
        a, b, c, d = self._matrix
        left, top = self._centre
        return [(a * x + b * y + left, c * x + d * y + top) for x, y in points]

    def shape(self, points, colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self.at(points), fill=colour)

    def soft(self, points, colour: Colour) -> None:
        """Fill a polygon whose corners are rounded (two rounds of corner cutting)."""
        self._draw.polygon(self.at(rounded(rounded(points))), fill=colour)

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour, tilt: float = 0.0) -> None:
        """Fill an ellipse with half axes ``across`` and ``down``, turned by ``tilt`` degrees."""
        if tilt:
            cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
            points = [
                (x + across * u * cos - down * v * sin, y + across * u * sin + down * v * cos) for u, v in _CIRCLE
            ]
        else:
            points = [(x + across * u, y + down * v) for u, v in _CIRCLE]
        self._draw.polygon(self.at(points), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.shape(((left, top), (right, top), (right, bottom), (left, bottom)), colour)

    def stroke(self, points, width: float, colour: Colour) -> None:
        """Draw a line through points; ``width`` in the subject's units."""
        self._draw.line(self.at(points), fill=colour, width=max(1, round(width * self.size)), joint="curve")


def rounded(points) -> list[Point]:
    """Cut each corner of a closed polygon at a quarter of its sides."""
    result = []
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        result.append((0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1))
        result.append((0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1))
    return result


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (factor < 1) or lighter (factor > 1) colour."""
    if factor <= 1:
        return tuple(int(part * factor) for part in colour)
    return tuple(int(255 - (255 - part) / factor) for part in colour)


def vary(random: Random, colour: Colour, by: int = 18) -> Colour:
    """A colour near the given one."""
    return tuple(min(255, max(0, part + random.randint(-by, by))) for part in colour)
