"""Birds and frogs."""

from random import Random

from vgg_lesson.drawing.pen import DARK, Colour, Pen, shade, vary


def bird(pen: Pen, random: Random) -> None:
    feathers = vary(
        random,
        random.choice(
            (
                (190, 50, 44),
                (52, 96, 172),
                (226, 186, 56),
                (122, 92, 64),
                (126, 130, 136),
                (236, 236, 232),
                (40, 40, 46),
                (82, 128, 66),
                (196, 120, 60),
            )
        ),
    )
    belly = shade(feathers, 1.7) if random.random() < 0.6 else vary(random, (222, 196, 150))
    beak = random.choice(((236, 160, 40), (60, 56, 52), (222, 120, 50), (200, 190, 160)))
    pose = random.random()
    if pose < 0.5:
        _perched_bird(pen, random, feathers, belly, beak)
    elif pose < 0.8:
        _flying_bird(pen, random, feathers, belly, beak)
    else:
        _wading_bird(pen, random, feathers, belly, beak)


def _perched_bird(pen: Pen, random: Random, feathers: Colour, belly: Colour, beak: Colour) -> None:
    branch = vary(random, (96, 70, 48))
    pen.stroke([(-1.4, 0.74), (0.0, 0.66), (1.4, 0.78)], random.uniform(0.07, 0.16), branch)
    pen.shape([(-0.4, 0.16), (-1.08, 0.5), (-0.98, 0.66), (-0.3, 0.42)], shade(feathers, 0.7))
    for x in (-0.06, 0.12):
        pen.stroke([(x, 0.42), (x, 0.7)], 0.05, shade(beak, 0.8))
    pen.soft(
        [(-0.66, 0.3), (-0.4, -0.24), (0.3, -0.56), (0.62, -0.1), (0.5, 0.36), (0.0, 0.62), (-0.4, 0.52)], feathers
    )
    pen.soft([(0.0, 0.56), (0.1, 0.1), (0.52, -0.14), (0.52, 0.3), (0.3, 0.5)], belly)
    pen.soft([(-0.74, 0.4), (-0.4, -0.16), (0.1, -0.1), (0.16, 0.22), (-0.3, 0.4)], shade(feathers, 0.72))
    pen.oval(0.4, -0.5, 0.31, 0.29, feathers)
    pen.shape([(0.64, -0.6), (1.02, -0.46), (0.64, -0.4)], beak)
    _eye(pen, 0.5, -0.56, 0.07)
    if random.random() < 0.25:
        pen.shape([(0.2, -0.7), (0.14, -1.0), (0.42, -0.76)], shade(feathers, 0.8))


def _flying_bird(pen: Pen, random: Random, feathers: Colour, belly: Colour, beak: Colour) -> None:
    lift = random.uniform(-0.4, 0.9)
    pen.soft([(-0.12, -0.04), (-0.3, -0.86 * lift), (-0.1, -1.1 * lift), (0.34, -0.1)], shade(feathers, 0.6))
    pen.shape([(-0.5, 0.02), (-1.05, -0.14), (-1.1, 0.2), (-0.5, 0.14)], shade(feathers, 0.75))
    pen.soft([(-0.72, 0.06), (-0.2, -0.2), (0.5, -0.22), (0.86, -0.06), (0.5, 0.2), (-0.2, 0.24)], feathers)
    pen.soft([(-0.4, 0.12), (0.6, 0.02), (0.46, 0.2), (-0.2, 0.24)], belly)
    pen.oval(0.66, -0.12, 0.21, 0.19, feathers)
    pen.shape([(0.82, -0.2), (1.14, -0.08), (0.82, -0.02)], beak)
    _eye(pen, 0.72, -0.16, 0.05)
    pen.soft(
        [(-0.3, 0.0), (-0.66, -0.7 * lift), (-0.72, -1.06 * lift), (-0.2, -0.8 * lift), (0.36, -0.02)],
        shade(feathers, 0.84),
    )


def _wading_bird(pen: Pen, random: Random, feathers: Colour, belly: Colour, beak: Colour) -> None:
    for x in (-0.14, 0.1):
        pen.stroke([(x, 0.3), (x + 0.04, 0.64), (x - 0.02, 0.98)], 0.05, shade(beak, 0.75))
    pen.soft([(-0.84, 0.24), (-0.4, -0.22), (0.3, -0.16), (0.48, 0.14), (0.1, 0.42), (-0.4, 0.4)], feathers)
    pen.soft([(-0.9, 0.3), (-0.4, -0.08), (0.14, 0.02), (-0.2, 0.3)], shade(feathers, 0.74))
    pen.stroke([(0.32, 0.06), (0.5, -0.26), (0.36, -0.5), (0.48, -0.76)], 0.13, feathers)
    pen.oval(0.52, -0.78, 0.18, 0.15, belly)
    pen.shape([(0.64, -0.86), (1.08, -0.7), (0.64, -0.7)], beak)
    _eye(pen, 0.56, -0.82, 0.05)


def _eye(pen: Pen, x: float, y: float, radius: float, white: Colour = (240, 240, 236)) -> None:
    pen.oval(x, y, radius * 1.5, radius * 1.5, white)
    pen.oval(x + radius * 0.3, y, radius, radius, DARK)


def frog(pen: Pen, random: Random) -> None:
    skin = vary(
        random,
        random.choice(
            (
                (92, 148, 60),
                (70, 116, 50),
                (126, 150, 70),
                (120, 96, 60),
                (146, 124, 84),
                (206, 90, 44),
                (90, 96, 70),
                (58, 128, 96),
            )
        ),
    )
    belly = vary(random, (216, 208, 160))
    spots = shade(skin, 0.62)
    iris = random.choice(((230, 190, 60), (236, 226, 190), (200, 80, 50)))
    view = random.random()
    if view < 0.4:
        for side in (-1, 1):
            pen.oval(side * 0.72, 0.42, 0.24, 0.42, shade(skin, 0.8), side * 24)
            pen.oval(side * 0.86, 0.74, 0.28, 0.09, shade(skin, 0.72))
        pen.oval(0, 0.28, 0.66, 0.48, skin)
        pen.oval(0, 0.46, 0.44, 0.3, belly)
        pen.oval(0, -0.1, 0.64, 0.38, skin)
        for side in (-1, 1):
            pen.stroke([(side * 0.36, 0.4), (side * 0.44, 0.74)], 0.15, shade(skin, 0.9))
            pen.oval(side * 0.4, -0.42, 0.2, 0.2, skin)
            pen.oval(side * 0.4, -0.44, 0.14, 0.14, iris)
            pen.oval(side * 0.4, -0.44, 0.09, 0.06, DARK)
        pen.stroke([(-0.54, -0.02), (-0.24, 0.1), (0.24, 0.1), (0.54, -0.02)], 0.05, shade(skin, 0.45))
    elif view < 0.75:
        pen.soft([(-1.0, 0.4), (-0.6, -0.14), (0.1, -0.5), (0.7, -0.44), (1.02, -0.1), (0.7, 0.3), (-0.1, 0.62)], skin)
        pen.soft([(0.0, 0.56), (0.5, 0.1), (0.98, -0.06), (0.7, 0.32)], belly)
        pen.oval(0.52, -0.44, 0.17, 0.17, skin)
        pen.oval(0.56, -0.46, 0.12, 0.12, iris)
        pen.oval(0.58, -0.46, 0.07, 0.06, DARK)
        pen.stroke([(0.98, -0.1), (0.5, 0.06)], 0.045, shade(skin, 0.45))
        _spots(pen, random, spots, 5)
        pen.oval(-0.56, 0.38, 0.42, 0.2, shade(skin, 0.8), -28)
        pen.stroke([(-0.8, 0.6), (-0.2, 0.72)], 0.13, shade(skin, 0.72))
        pen.stroke([(0.36, 0.3), (0.5, 0.56), (0.72, 0.72)], 0.13, shade(skin, 0.86))
    else:
        for side in (-1, 1):
            pen.stroke(
                [(-0.4, side * 0.2), (-0.3, side * 0.66), (-0.86, side * 0.5), (-1.0, side * 0.8)],
                0.15,
                shade(skin, 0.8),
            )
            pen.stroke([(0.36, side * 0.24), (0.5, side * 0.6), (0.84, side * 0.7)], 0.12, shade(skin, 0.84))
        pen.soft([(-0.8, 0), (-0.5, -0.4), (0.3, -0.44), (0.98, -0.14), (0.98, 0.14), (0.3, 0.44), (-0.5, 0.4)], skin)
        _spots(pen, random, spots, 7)
        for side in (-1, 1):
            pen.oval(0.56, side * 0.28, 0.14, 0.12, iris)
            pen.oval(0.58, side * 0.28, 0.06, 0.06, DARK)


def _spots(pen: Pen, random: Random, colour: Colour, most: int) -> None:
    for _ in range(random.randint(0, most)):
        radius = random.uniform(0.05, 0.12)
        pen.oval(random.uniform(-0.5, 0.3), random.uniform(-0.2, 0.25), radius, radius, colour)
