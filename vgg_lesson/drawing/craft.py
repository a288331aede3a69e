"""Airplanes and ships."""

from random import Random

from vgg_lesson.drawing.pen import GLASS, PAINT, TYRE, Colour, Pen, shade, vary


def airplane(pen: Pen, random: Random) -> None:
    paint = vary(
        random,
        random.choice(
            (
                (236, 238, 240),
                (190, 196, 204),
                (120, 128, 138),
                (70, 76, 84),
                (206, 60, 50),
                (232, 196, 60),
                (92, 104, 78),
                (226, 230, 236),
            )
        ),
    )
    accent = vary(random, random.choice(PAINT))
    if random.random() < 0.3:
        _airplane_from_above(pen, random, paint, accent)
    elif random.random() < 0.3:
        _propeller_plane(pen, random, paint, accent)
    else:
        _airliner(pen, random, paint, accent)


def _airliner(pen: Pen, random: Random, paint: Colour, accent: Colour) -> None:
    thick = random.uniform(0.8, 1.25)
    pen.shape([(0.18, -0.1), (-0.16, -0.4), (-0.3, -0.4), (-0.12, -0.1)], shade(paint, 0.7))
    pen.shape([(-0.6, -0.1 * thick), (-0.86, -0.55), (-1.04, -0.55), (-0.96, -0.04)], accent)
    pen.soft(
        [
            (-1.08, -0.1),
            (-0.7, -0.2 * thick),
            (0.7, -0.2 * thick),
            (1.05, -0.04),
            (1.0, 0.1),
            (0.6, 0.18 * thick),
            (-0.6, 0.16 * thick),
        ],
        paint,
    )
    pen.soft([(-0.8, 0.04), (0.95, 0.05), (0.6, 0.18 * thick), (-0.6, 0.16 * thick)], shade(paint, 0.8))
    for x in (-0.55, -0.38, -0.21, -0.04, 0.13, 0.3, 0.47):
        pen.box(x, -0.08, x + 0.08, -0.02, (48, 60, 80))
    pen.shape([(0.74, -0.12), (0.9, -0.06), (0.84, -0.01), (0.72, -0.02)], (40, 50, 66))
    if random.random() < 0.5:
        pen.stroke([(-0.75, 0.03), (0.9, 0.03)], 0.05, accent)
    pen.oval(-0.02, 0.24, 0.15, 0.08, shade(paint, 0.6))
    pen.shape([(0.24, 0.06), (-0.32, 0.52), (-0.52, 0.52), (-0.18, 0.08)], shade(paint, 0.85))
    pen.shape([(-0.76, -0.02), (-1.06, 0.12), (-1.16, 0.12), (-0.96, -0.02)], shade(paint, 0.75))
    if random.random() < 0.2:
        for x in (-0.1, 0.66):
            pen.stroke([(x, 0.1), (x, 0.4)], 0.04, (60, 60, 60))
            pen.oval(x, 0.42, 0.08, 0.08, TYRE)


def _propeller_plane(pen: Pen, random: Random, paint: Colour, accent: Colour) -> None:
    pen.shape([(-0.62, 0.0), (-0.86, -0.44), (-1.0, -0.44), (-0.98, 0.02)], accent)
    pen.soft(
        [
            (-1.05, -0.08),
            (-0.1, -0.22),
            (0.1, -0.36),
            (0.4, -0.34),
            (0.55, -0.18),
            (0.92, -0.1),
            (0.95, 0.14),
            (0.4, 0.24),
            (-0.5, 0.1),
        ],
        paint,
    )
    pen.shape([(0.02, -0.2), (0.12, -0.32), (0.36, -0.31), (0.46, -0.18)], random.choice(GLASS))
    pen.shape([(0.4, -0.36), (0.1, -0.5), (-0.12, -0.46), (-0.02, -0.32)], shade(accent, 0.85))
    pen.shape([(0.42, 0.05), (0.0, 0.34), (-0.24, 0.32), (0.02, 0.04)], accent)
    pen.shape([(-0.76, 0.0), (-1.0, 0.12), (-1.1, 0.1), (-0.95, -0.02)], shade(paint, 0.75))
    pen.oval(1.0, 0.02, 0.035, 0.36, (210, 210, 210), random.uniform(-25, 25))
    pen.oval(0.97, 0.02, 0.06, 0.07, shade(accent, 0.6))
    for x in (0.36, 0.58):
        pen.stroke([(x - 0.06, 0.18), (x, 0.42)], 0.04, (70, 70, 70))
        pen.oval(x, 0.46, 0.09, 0.09, TYRE)


def _airplane_from_above(pen: Pen, random: Random, paint: Colour, accent: Colour) -> None:
    sweep = random.uniform(0.1, 0.65)
    for side in (-1, 1):
        tone = shade(paint, 0.85 if side < 0 else 0.72)
        pen.shape([(0.3, 0), (0.2 - sweep, side * 0.95), (0.02 - sweep, side * 0.95), (-0.2, 0)], tone)
        pen.shape([(-0.7, 0), (-0.85 - sweep * 0.3, side * 0.36), (-0.98 - sweep * 0.3, side * 0.36), (-0.95, 0)], tone)
        pen.oval(0.18 - sweep * 0.45, side * 0.4, 0.14, 0.06, shade(accent, 0.8))
    pen.soft([(-1.05, 0), (-0.8, -0.13), (0.75, -0.14), (1.15, 0), (0.75, 0.14), (-0.8, 0.13)], paint)
    pen.stroke([(-1.0, 0), (-0.66, 0)], 0.06, accent)
    pen.shape([(0.74, -0.08), (0.9, 0), (0.74, 0.08)], (44, 54, 70))


def ship(pen: Pen, random: Random) -> None:
    hull = vary(
        random,
        random.choice(
            ((40, 52, 74), (150, 44, 40), (236, 236, 232), (60, 62, 66), (36, 90, 110), (120, 126, 132), (110, 72, 44))
        ),
    )
    white = vary(random, (232, 232, 226), 14)
    kind = random.choice(("sail", "sail", "cargo", "liner", "liner", "warship", "boat"))
    if kind == "sail":
        pen.stroke([(0.0, 0.3), (0.0, -1.0)], 0.05, (90, 70, 50))
        cloth = vary(random, random.choice(((244, 240, 228), (244, 240, 228), (200, 70, 56), (228, 190, 110))))
        pen.soft([(-0.04, -0.98), (-0.1, 0.2), (-0.82, 0.22), (-0.5, -0.3)], cloth)
        pen.soft([(0.05, -0.86), (0.42, -0.3), (0.66, 0.2), (0.06, 0.2)], shade(cloth, 0.84))
        pen.soft([(-0.95, 0.26), (0.98, 0.22), (0.7, 0.62), (-0.7, 0.62)], hull)
        return
    if kind == "cargo":
        for x in range(-6, 5):
            for row in range(random.randint(1, 3)):
                pen.box(
                    x * 0.13, 0.0 - row * 0.14, x * 0.13 + 0.12, 0.13 - row * 0.14, vary(random, random.choice(PAINT))
                )
        pen.box(-0.98, -0.5, -0.76, 0.14, white)
        pen.box(-0.94, -0.72, -0.84, -0.5, hull)
        pen.box(-0.98, -0.4, -0.76, -0.34, (50, 60, 76))
    elif kind == "liner":
        for level in range(random.randint(2, 4)):
            pen.box(
                -0.85 + 0.09 * level,
                -0.02 - 0.17 * level,
                0.66 - 0.13 * level,
                0.16 - 0.17 * level,
                shade(white, 0.96 - 0.04 * level),
            )
            pen.stroke(
                [(-0.78 + 0.09 * level, 0.07 - 0.17 * level), (0.58 - 0.13 * level, 0.07 - 0.17 * level)],
                0.05,
                (70, 84, 104),
            )
        for x in (-0.35, 0.05)[: random.randint(1, 2)]:
            pen.shape(
                [(x, -0.4), (x + 0.2, -0.4), (x + 0.16, -0.82), (x - 0.02, -0.82)], vary(random, random.choice(PAINT))
            )
    elif kind == "warship":
        grey = vary(random, (128, 136, 146))
        hull = shade(grey, 0.85)
        pen.shape([(-0.5, 0.14), (-0.42, -0.2), (0.28, -0.2), (0.4, 0.14)], grey)
        pen.shape([(-0.2, -0.18), (-0.14, -0.5), (0.1, -0.5), (0.16, -0.18)], shade(grey, 0.9))
        pen.stroke([(-0.02, -0.48), (-0.02, -0.98)], 0.05, shade(grey, 0.6))
        pen.stroke([(-0.16, -0.74), (0.12, -0.74)], 0.04, shade(grey, 0.6))
        pen.stroke([(0.5, 0.02), (0.9, -0.1)], 0.06, shade(grey, 0.6))
    else:
        pen.soft([(-0.6, 0.16), (-0.5, -0.28), (0.14, -0.28), (0.44, 0.16)], white)
        pen.shape([(-0.3, -0.02), (-0.26, -0.18), (0.1, -0.18), (0.24, -0.02)], random.choice(GLASS))
        pen.stroke([(-0.4, -0.2), (-0.4, -0.7)], 0.04, (80, 80, 84))
    pen.shape([(-1.05, 0.14), (1.12, 0.06), (0.84, 0.56), (-0.92, 0.56)], hull)
    pen.shape([(-0.97, 0.42), (0.92, 0.42), (0.84, 0.56), (-0.92, 0.56)], shade(hull, 0.6))
    pen.stroke([(-1.0, 0.17), (1.05, 0.1)], 0.05, white)
