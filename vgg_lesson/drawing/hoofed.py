"""Deer and horses: one build with other odds, antlers and slender legs against mane and tail."""

from random import Random

from vgg_lesson.drawing.pen import DARK, Colour, Pen, shade, vary


def deer(pen: Pen, random: Random) -> None:
    _hoofed(pen, random, "deer", random.choice(((170, 118, 70), (140, 100, 66), (122, 104, 84), (188, 138, 84))))


def horse(pen: Pen, random: Random) -> None:
    coats = (
        (122, 70, 40),
        (58, 44, 38),
        (36, 34, 36),
        (226, 220, 210),
        (176, 116, 62),
        (140, 134, 130),
        (206, 168, 112),
    )
    _hoofed(pen, random, "horse", random.choice(coats))


def _hoofed(pen: Pen, random: Random, species: str, coat: Colour) -> None:
    coat = vary(random, coat)
    is_deer = species == "deer"
    hair = shade(coat, 0.45) if random.random() < 0.75 else shade(coat, 1.8)
    antlers = is_deer and random.random() < 0.55
    if random.random() < 0.22:
        _hoofed_portrait(pen, random, is_deer, antlers, coat, hair)
        return
    leg = 0.075 if is_deer else 0.11
    stride = random.uniform(-0.16, 0.16)
    for x, way in ((-0.46, 1), (0.3, -1)):
        pen.stroke([(x, 0.1), (x + stride * way, 0.5), (x + stride * way * 1.2, 0.94)], leg, shade(coat, 0.6))
    deep = 0.26 if is_deer else 0.32
    pen.soft(
        [(-0.84, -0.12), (-0.5, -0.34), (0.4, -0.3), (0.62, -0.12), (0.52, deep - 0.04), (-0.1, deep), (-0.7, deep)],
        coat,
    )
    pen.soft(
        [(-0.6, 0.1), (0.5, 0.06), (0.4, deep), (-0.6, deep)], shade(coat, 0.8) if not is_deer else shade(coat, 1.4)
    )
    for x, way in ((-0.6, -1), (0.44, 1)):
        pen.stroke([(x, 0.06), (x + stride * way, 0.5), (x + stride * way, 0.96)], leg * 1.15, shade(coat, 0.86))
    if is_deer:
        pen.oval(-0.72, -0.02, 0.1, 0.15, (232, 222, 204))
        if random.random() < 0.35:
            for _ in range(9):
                pen.oval(random.uniform(-0.55, 0.35), random.uniform(-0.22, 0.08), 0.045, 0.04, (240, 230, 206))
    else:
        pen.stroke([(-0.72, -0.18), (-0.96, 0.06), (-0.92, 0.6)], 0.15, hair)
    grazing = random.random() < 0.25
    neck, head, tilt = ((0.86, 0.32), (0.98, 0.56), 60) if grazing else ((0.74, -0.62), (0.94, -0.7), 28)
    wide = 0.2 if is_deer else 0.27
    pen.stroke([(0.42, -0.12), neck], wide, coat)
    if not is_deer:
        pen.stroke([(0.26, -0.28), (neck[0] - 0.16, neck[1] - 0.04)], 0.13, hair)
    x, y = head
    pen.oval(x, y, 0.25 if is_deer else 0.3, 0.115 if is_deer else 0.14, coat, tilt)
    back = (x - 0.18, y - 0.1)
    if antlers:
        _antlers(pen, back[0], back[1] - 0.02, random)
    pen.oval(
        back[0] - (0.08 if is_deer else 0),
        back[1] - 0.12,
        0.13 if is_deer else 0.06,
        0.06 if is_deer else 0.11,
        shade(coat, 0.75),
        -30,
    )
    pen.oval(x - 0.04, y - 0.03, 0.035, 0.035, DARK)
    if not is_deer and random.random() < 0.16:
        pen.soft([(-0.3, -0.36), (0.1, -0.36), (0.14, 0.02), (-0.22, 0.04)], vary(random, (120, 40, 40)))
        pen.stroke([(-0.08, -0.3), (-0.04, -0.8)], 0.2, vary(random, (60, 80, 140)))
        pen.oval(-0.02, -0.92, 0.12, 0.12, (214, 168, 136))


def _antlers(pen: Pen, x: float, y: float, random: Random) -> None:
    bone = (122, 92, 62)
    tall = random.uniform(0.3, 0.5)
    for way in (-0.32, 0.16):
        pen.stroke([(x, y), (x + way * 0.7, y - tall * 0.55), (x + way, y - tall)], 0.05, bone)
        pen.stroke([(x + way * 0.7, y - tall * 0.55), (x + way * 0.2, y - tall * 0.95)], 0.04, bone)


def _hoofed_portrait(pen: Pen, random: Random, is_deer: bool, antlers: bool, coat: Colour, hair: Colour) -> None:
    pen.soft([(-0.3, 0.2), (0.3, 0.2), (0.66, 1.3), (-0.66, 1.3)], shade(coat, 0.8))
    if antlers:
        for side in (-1, 1):
            pen.stroke([(side * 0.14, -0.5), (side * 0.46, -0.84), (side * 0.42, -1.2)], 0.06, (122, 92, 62))
            pen.stroke([(side * 0.42, -0.8), (side * 0.74, -1.1)], 0.05, (122, 92, 62))
    for side in (-1, 1):
        if is_deer:
            pen.oval(side * 0.52, -0.46, 0.3, 0.12, shade(coat, 0.8), side * -24)
        else:
            pen.shape([(side * 0.14, -0.56), (side * 0.3, -0.84), (side * 0.36, -0.5)], shade(coat, 0.8))
    chin = 0.66 if is_deer else 0.92
    pen.soft([(-0.36, -0.64), (0.36, -0.64), (0.32, 0.2), (0.26, chin), (-0.26, chin), (-0.32, 0.2)], coat)
    if not is_deer:
        pen.soft([(-0.12, -0.86), (0.16, -0.82), (0.2, -0.3), (-0.08, -0.1)], hair)
        if random.random() < 0.4:
            pen.oval(0, 0.0, 0.08, 0.36, (236, 230, 222))
    pen.oval(0, chin - 0.18, 0.22, 0.17, DARK if is_deer else shade(coat, 0.55))
    for side in (-1, 1):
        pen.oval(side * 0.24, -0.26, 0.065, 0.065, DARK)
