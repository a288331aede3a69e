"""Cats and dogs: one animal with other odds.

Pointed ears, a short muzzle and whiskers are likely for a cat and possible for a dog, so no
single feature decides, as in photographs of 32 x 32 pixels.
"""

from dataclasses import dataclass
from random import Random

from vgg_lesson.drawing.pen import DARK, Colour, Pen, shade, vary

FUR = (
    (66, 58, 54),
    (34, 32, 34),
    (150, 104, 62),
    (206, 160, 104),
    (232, 226, 216),
    (132, 124, 118),
    (190, 104, 52),
    (98, 70, 50),
)


@dataclass(frozen=True)
class _Pet:
    """What a drawn pet looks like; chances depend on the species, the drawing does not."""

    is_cat: bool
    coat: Colour
    mark: Colour
    pointed_ears: bool
    muzzle: float
    iris: Colour
    nose: Colour
    whiskers: bool
    stripes: bool
    patch: bool
    tongue: bool
    bib: bool


def cat(pen: Pen, random: Random) -> None:
    _draw(pen, random, _make(random, True))


def dog(pen: Pen, random: Random) -> None:
    _draw(pen, random, _make(random, False))


def _make(random: Random, is_cat: bool) -> _Pet:
    def likely(for_cat: float, for_dog: float) -> bool:
        return random.random() < (for_cat if is_cat else for_dog)

    coat = vary(random, random.choice(FUR))
    return _Pet(
        is_cat=is_cat,
        coat=coat,
        mark=shade(coat, 0.55) if sum(coat) > 240 else shade(coat, 1.6),
        pointed_ears=likely(0.88, 0.3),
        muzzle=random.uniform(0.0, 0.5) if is_cat else random.uniform(0.3, 1.0),
        iris=random.choice(((150, 180, 70), (214, 178, 60), (110, 160, 190))) if likely(0.75, 0.12) else (74, 46, 28),
        nose=(206, 130, 126) if likely(0.6, 0.1) else DARK,
        whiskers=likely(0.6, 0.04),
        stripes=likely(0.45, 0.08),
        patch=likely(0.15, 0.35),
        tongue=likely(0.02, 0.3),
        bib=likely(0.35, 0.35),
    )


def _draw(pen: Pen, random: Random, pet: _Pet) -> None:
    view = random.random()
    if view < 0.4:
        pen.soft([(-0.5, 0.4), (0.5, 0.4), (0.86, 1.5), (-0.86, 1.5)], shade(pet.coat, 0.82))
        _face(pen, pet, 0.0, 0.0, 1.0)
    elif view < 0.7:
        _sitting(pen, random, pet)
    else:
        _standing(pen, random, pet)


def _face(pen: Pen, pet: _Pet, x: float, y: float, size: float) -> None:
    """A face from the front, ``size`` 1 for a face that fills the picture."""

    def at(dx, dy):
        return x + dx * size, y + dy * size

    def oval(dx, dy, across, down, colour, tilt=0.0):
        pen.oval(*at(dx, dy), across * size, down * size, colour, tilt)

    coat, long = pet.coat, pet.muzzle
    for side in (-1, 1):
        if pet.pointed_ears:
            pen.shape([at(side * 0.14, -0.44), at(side * 0.56, -1.0), at(side * 0.68, -0.2)], shade(coat, 0.8))
            pen.shape([at(side * 0.3, -0.46), at(side * 0.53, -0.82), at(side * 0.58, -0.3)], (196, 146, 134))
    oval(0, 0, 0.68 - 0.1 * long, 0.58 + 0.06 * long, coat)
    if pet.stripes:
        for dx in (-0.18, 0.0, 0.18):
            pen.stroke([at(dx, -0.52), at(dx * 0.7, -0.26)], 0.07 * size, pet.mark)
        for side in (-1, 1):
            pen.stroke([at(side * 0.62, 0.06), at(side * 0.4, 0.1)], 0.06 * size, pet.mark)
    if pet.patch:
        oval(0.28, -0.14, 0.24, 0.26, pet.mark)
    light = shade(coat, 1.8)
    oval(0, 0.24 + 0.06 * long, 0.26 + 0.06 * long, 0.18 + 0.12 * long, light if pet.bib else shade(coat, 1.3))
    if not pet.pointed_ears:
        for side in (-1, 1):
            oval(side * (0.66 - 0.06 * long), 0.02, 0.18, 0.46, shade(coat, 0.66), side * -14)
    for side in (-1, 1):
        oval(side * 0.28, -0.12, 0.13, 0.115, pet.iris)
        oval(side * 0.28, -0.12, 0.045 if pet.is_cat else 0.07, 0.1, DARK)
        oval(side * 0.28 + 0.03, -0.16, 0.03, 0.03, (250, 250, 250))
    nose = 0.07 + 0.06 * long
    oval(0, 0.14 + 0.06 * long, nose * 1.3, nose, pet.nose)
    pen.stroke(
        [at(-0.14, 0.36 + 0.08 * long), at(0, 0.3 + 0.08 * long), at(0.14, 0.36 + 0.08 * long)], 0.035 * size, DARK
    )
    if pet.tongue:
        oval(0, 0.48 + 0.1 * long, 0.09, 0.14, (214, 96, 104))
    if pet.whiskers:
        for side in (-1, 1):
            for rise in (-0.06, 0.08):
                pen.stroke([at(side * 0.2, 0.26), at(side * 0.86, 0.26 + rise)], 0.02 * size, (244, 244, 240))


def _sitting(pen: Pen, random: Random, pet: _Pet) -> None:
    coat = pet.coat
    _tail(pen, random, pet, 0.34, 0.72)
    pen.soft([(-0.3, -0.2), (0.3, -0.2), (0.56, 0.5), (0.6, 0.92), (-0.6, 0.92), (-0.56, 0.5)], coat)
    if pet.stripes:
        for y in (0.2, 0.42, 0.64):
            pen.stroke([(0.5, y), (0.22, y + 0.06)], 0.06, pet.mark)
    if pet.bib:
        pen.oval(0, 0.24, 0.2, 0.3, shade(coat, 1.8))
    for side in (-1, 1):
        pen.stroke([(side * 0.15, 0.3), (side * 0.17, 0.9)], 0.17, shade(coat, 0.9))
        pen.oval(side * 0.19, 0.92, 0.14, 0.07, shade(coat, 1.2))
    _face(pen, pet, 0.0, -0.44, 0.62)


def _standing(pen: Pen, random: Random, pet: _Pet) -> None:
    coat = pet.coat
    for x in (-0.44, 0.24):
        pen.stroke([(x, 0.2), (x + random.uniform(-0.12, 0.12), 0.84)], 0.13, shade(coat, 0.6))
    _tail(pen, random, pet, -0.66, 0.02)
    pen.soft([(-0.84, 0.0), (-0.5, -0.22), (0.3, -0.2), (0.6, -0.06), (0.5, 0.36), (-0.1, 0.4), (-0.7, 0.42)], coat)
    if pet.stripes:
        for x in (-0.44, -0.2, 0.04):
            pen.stroke([(x, -0.18), (x - 0.03, 0.16)], 0.07, pet.mark)
    if pet.patch:
        pen.oval(-0.2, 0.02, 0.26, 0.18, pet.mark)
    for x in (-0.58, 0.4):
        pen.stroke([(x, 0.2), (x + random.uniform(-0.1, 0.1), 0.86)], 0.15, shade(coat, 0.88))
    if random.random() < 0.5:
        _face(pen, pet, 0.58, -0.36, 0.52)
        return
    x, y = 0.6, -0.36
    pen.stroke([(0.4, -0.02), (x, y)], 0.3, coat)
    pen.oval(x, y, 0.29, 0.26, coat)
    reach = 0.16 + 0.22 * pet.muzzle
    pen.oval(x + 0.14 + reach / 2, y + 0.09, reach, 0.13, shade(coat, 1.3))
    pen.oval(x + 0.14 + reach * 1.4, y + 0.05, 0.06, 0.05, pet.nose)
    if pet.pointed_ears:
        pen.shape([(x - 0.22, y - 0.14), (x - 0.08, y - 0.5), (x + 0.1, y - 0.2)], shade(coat, 0.75))
    else:
        pen.oval(x - 0.16, y + 0.04, 0.11, 0.25, shade(coat, 0.66), 12)
    pen.oval(x + 0.11, y - 0.07, 0.06, 0.055, pet.iris)
    pen.oval(x + 0.12, y - 0.07, 0.03, 0.045, DARK)


def _tail(pen: Pen, random: Random, pet: _Pet, x: float, y: float) -> None:
    away = 1 if x > 0 else -1
    if random.random() < (0.8 if pet.is_cat else 0.3):
        pen.stroke(
            [(x, y), (x + away * 0.36, y - 0.06), (x + away * 0.44, y - 0.46), (x + away * 0.28, y - 0.7)],
            0.1,
            shade(pet.coat, 0.85),
        )
    else:
        pen.stroke([(x, y), (x + away * 0.32, y - random.uniform(0.0, 0.4))], 0.15, shade(pet.coat, 0.85))
