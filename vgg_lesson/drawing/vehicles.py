"""Automobiles and trucks.

They share their paint, wheels, views and streets, and meet in the middle: a pickup is nearly a
car, a people carrier nearly a van. That is on purpose, see ``vgg_lesson.sketches``.
"""

from random import Random

from vgg_lesson.drawing.pen import GLASS, PAINT, TYRE, Colour, Pen, shade, vary


def automobile(pen: Pen, random: Random) -> None:
    paint = vary(random, random.choice(PAINT))
    if random.random() < 0.36:
        _car_from_front(pen, random, paint)
        return
    kind = random.choice(("saloon", "saloon", "hatchback", "estate", "roadster", "carrier"))
    roof, cabin = {
        "saloon": (-0.36, [(-0.66, 0.04), (-0.42, -0.36), (0.2, -0.36), (0.56, 0.04)]),
        "hatchback": (-0.4, [(-0.92, 0.04), (-0.78, -0.4), (0.14, -0.4), (0.54, 0.04)]),
        "estate": (-0.36, [(-0.98, 0.04), (-0.88, -0.36), (0.2, -0.36), (0.58, 0.04)]),
        "roadster": (-0.2, [(-0.3, 0.06), (-0.16, -0.2), (0.08, -0.2), (0.36, 0.06)]),
        "carrier": (-0.58, [(-0.99, 0.04), (-0.93, -0.58), (0.26, -0.58), (0.72, 0.04)]),
    }[kind]
    pen.soft(_pushed(cabin, 1.06), shade(paint, 0.9))
    _side_windows(pen, random, cabin, roof)
    pen.soft([(-1.08, 0.0), (0.5, -0.02), (1.02, 0.08), (1.1, 0.28), (1.06, 0.5), (-1.06, 0.5), (-1.1, 0.2)], paint)
    pen.box(-1.0, 0.34, 1.02, 0.46, shade(paint, 0.66))
    pen.box(0.94, 0.14, 1.04, 0.24, (246, 232, 160))
    pen.box(-1.05, 0.12, -0.96, 0.24, (190, 40, 36))
    _wheels(pen, random, (-0.6, 0.62), 0.21)


def truck(pen: Pen, random: Random) -> None:
    paint = vary(random, random.choice(PAINT))
    if random.random() < 0.36:
        _truck_from_front(pen, random, paint)
        return
    kind = random.choice(("box", "box", "pickup", "pickup", "panel van", "tanker", "tipper"))
    glass = random.choice(GLASS)
    load = vary(random, random.choice((*PAINT, (236, 236, 232), (236, 236, 232), (168, 120, 76))))
    if kind == "panel van":
        pen.soft([(-1.08, -0.56), (0.36, -0.58), (0.8, -0.04), (1.08, 0.08), (1.08, 0.52), (-1.08, 0.52)], paint)
        pen.shape([(0.1, -0.46), (0.34, -0.46), (0.64, -0.02), (0.1, -0.02)], glass)
        _wheels(pen, random, (-0.62, 0.62), 0.22)
    elif kind == "pickup":
        cabin = [(-0.22, 0.02), (-0.12, -0.42), (0.32, -0.42), (0.56, 0.02)]
        pen.soft(_pushed(cabin, 1.08), shade(paint, 0.9))
        _side_windows(pen, random, cabin, -0.42)
        pen.soft([(-1.1, 0.0), (0.55, -0.02), (1.04, 0.04), (1.1, 0.24), (1.06, 0.5), (-1.1, 0.5)], paint)
        pen.box(-1.06, -0.04, -0.26, 0.03, shade(paint, 0.6))
        if random.random() < 0.4:
            pen.soft([(-1.0, 0.0), (-0.9, -0.3), (-0.4, -0.26), (-0.3, 0.0)], shade(load, 0.8))
        _wheels(pen, random, (-0.62, 0.64), 0.24)
    else:
        pen.soft([(0.34, -0.46), (0.78, -0.46), (1.0, 0.0), (1.08, 0.1), (1.08, 0.5), (0.34, 0.5)], paint)
        pen.shape([(0.56, -0.36), (0.76, -0.36), (0.92, -0.02), (0.56, -0.02)], glass)
        pen.box(-1.1, 0.3, 0.5, 0.46, (58, 58, 60))
        if kind == "box":
            pen.box(-1.1, -0.74, 0.32, 0.34, load)
            pen.box(-1.1, -0.74, 0.32, -0.66, shade(load, 1.4))
            if random.random() < 0.5:
                pen.box(-0.9, -0.36, 0.12, -0.06, vary(random, random.choice(PAINT)))
        elif kind == "tanker":
            pen.soft([(-1.2, -0.46), (0.32, -0.46), (0.4, -0.08), (0.32, 0.32), (-1.2, 0.32)], shade(load, 1.3))
            pen.box(-1.0, -0.02, 0.24, 0.08, shade(load, 0.7))
        else:
            pen.shape([(-1.12, -0.36), (0.3, -0.36), (0.3, 0.3), (-0.9, 0.3)], load)
            pen.soft([(-1.05, -0.34), (-0.5, -0.62), (0.1, -0.54), (0.28, -0.34)], (122, 98, 72))
        _wheels(pen, random, (-0.82, -0.42, 0.68) if random.random() < 0.6 else (-0.6, 0.68), 0.21)
    pen.box(0.98, 0.16, 1.07, 0.26, (246, 232, 160))


def _pushed(points, factor: float):
    """The polygon, larger about its middle: the car body around its windows."""
    x = sum(point[0] for point in points) / len(points)
    y = sum(point[1] for point in points) / len(points)
    return [(x + (px - x) * factor, y + (py - y) * factor - 0.03) for px, py in points]


def _side_windows(pen: Pen, random: Random, cabin, roof: float) -> None:
    glass = random.choice(GLASS)
    left, right = cabin[1][0], cabin[2][0]
    pen.shape(
        [(cabin[0][0] + 0.14, 0.0), (left + 0.06, roof + 0.07), (right - 0.02, roof + 0.07), (cabin[3][0] - 0.12, 0.0)],
        glass,
    )
    middle = (left + right) / 2
    pen.box(middle - 0.03, roof, middle + 0.03, 0.04, (40, 40, 44))


def _wheels(pen: Pen, random: Random, places, radius: float) -> None:
    hub = random.choice(((176, 178, 182), (110, 112, 116), (210, 210, 206)))
    for x in places:
        pen.oval(x, 0.5, radius, radius, TYRE)
        pen.oval(x, 0.5, radius * 0.5, radius * 0.5, hub)


def _car_from_front(pen: Pen, random: Random, paint: Colour) -> None:
    for side in (-1, 1):
        pen.box(side * 0.7 - 0.13, 0.3, side * 0.7 + 0.13, 0.7, TYRE)
    height = random.choice((-0.52, -0.46, -0.4, -0.66))
    pen.soft([(-0.74, 0.05), (-0.54, height), (0.54, height), (0.74, 0.05)], shade(paint, 0.85))
    pen.shape([(-0.58, 0.0), (-0.46, height + 0.1), (0.46, height + 0.1), (0.58, 0.0)], random.choice(GLASS))
    pen.soft([(-0.9, 0.0), (0.9, 0.0), (0.96, 0.4), (0.86, 0.58), (-0.86, 0.58), (-0.96, 0.4)], paint)
    pen.box(-0.4, 0.2, 0.4, 0.36, (36, 38, 42))
    pen.box(-0.2, 0.42, 0.2, 0.52, (230, 230, 220))
    for side in (-1, 1):
        pen.oval(side * 0.62, 0.24, 0.15, 0.09, (250, 240, 190))


def _truck_from_front(pen: Pen, random: Random, paint: Colour) -> None:
    for side in (-1, 1):
        pen.box(side * 0.6 - 0.14, 0.45, side * 0.6 + 0.14, 0.86, TYRE)
    if random.random() < 0.6:
        load = vary(random, random.choice((*PAINT, (236, 236, 232))))
        pen.box(-0.78, -0.95, 0.78, 0.3, load)
        pen.box(-0.78, -0.95, 0.78, -0.86, shade(load, 1.4))
    pen.soft([(-0.72, -0.7), (0.72, -0.7), (0.82, 0.1), (0.8, 0.7), (-0.8, 0.7), (-0.82, 0.1)], paint)
    pen.shape([(-0.6, -0.06), (-0.54, -0.52), (0.54, -0.52), (0.6, -0.06)], random.choice(GLASS))
    pen.box(-0.44, 0.08, 0.44, 0.42, (44, 46, 50))
    for row in (0.16, 0.28):
        pen.stroke([(-0.42, row), (0.42, row)], 0.04, (150, 152, 156))
    for side in (-1, 1):
        pen.oval(side * 0.6, 0.48, 0.12, 0.1, (250, 240, 190))
        pen.box(side * 0.92 - 0.06, -0.44, side * 0.92 + 0.06, -0.12, (40, 40, 44))
