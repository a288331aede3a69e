"""Where the subjects stand: skies, ground, and the things that happen to be in the picture.

Backgrounds are made for all images at once in NumPy; clutter is drawn with the pen. Each class
has likely scenes and possible ones, so a background hints at the class but does not give it away.
"""

from dataclasses import dataclass
from random import Random

import numpy as np

from vgg_lesson.drawing.pen import Pen, shade, vary


@dataclass(frozen=True)
class Scene:
    """Colours of a background: top and bottom of the sky (or wall), far and near ground.

    ``horizon`` is the range for the ground's upper edge, as a share of the picture's height;
    above 1 there is no ground. ``rough`` is the strength of the texture.
    """

    top: tuple[int, int, int]
    low: tuple[int, int, int]
    far: tuple[int, int, int]
    near: tuple[int, int, int]
    horizon: tuple[float, float]
    rough: float
    clutter: str


SCENES = {
    "sky": Scene((84, 140, 206), (170, 206, 234), (150, 190, 220), (150, 190, 220), (1.1, 1.2), 16, "clouds"),
    "overcast": Scene((176, 182, 190), (222, 224, 226), (200, 202, 204), (190, 192, 194), (1.1, 1.2), 10, "clouds"),
    "sunset": Scene((70, 74, 120), (238, 170, 110), (120, 90, 84), (60, 52, 60), (0.7, 1.2), 14, "clouds"),
    "sea": Scene((150, 186, 218), (206, 222, 232), (70, 112, 146), (44, 84, 120), (0.35, 0.62), 15, "clouds"),
    "harbour": Scene((186, 194, 200), (212, 214, 212), (96, 114, 120), (62, 82, 92), (0.4, 0.66), 16, "buildings"),
    "runway": Scene((130, 172, 214), (202, 216, 226), (136, 146, 110), (118, 118, 120), (0.55, 0.75), 12, "buildings"),
    "meadow": Scene((150, 190, 220), (206, 220, 214), (126, 156, 84), (86, 122, 52), (0.25, 0.6), 20, "trees"),
    "lawn": Scene((104, 144, 66), (104, 144, 66), (112, 150, 70), (78, 118, 50), (-0.1, 0.1), 26, "grass"),
    "forest": Scene((52, 74, 44), (92, 112, 70), (96, 98, 60), (72, 70, 42), (0.5, 0.75), 30, "trees"),
    "field": Scene((190, 204, 212), (226, 222, 206), (196, 172, 112), (160, 132, 82), (0.3, 0.6), 22, "trees"),
    "snow": Scene((178, 192, 208), (214, 220, 226), (236, 238, 242), (206, 214, 226), (0.35, 0.6), 12, "trees"),
    "street": Scene((176, 182, 188), (206, 204, 200), (124, 122, 122), (86, 86, 90), (0.45, 0.66), 14, "buildings"),
    "road": Scene((138, 178, 216), (208, 220, 226), (130, 142, 96), (104, 104, 106), (0.4, 0.62), 16, "trees"),
    "showroom": Scene((232, 232, 232), (246, 246, 246), (214, 214, 214), (190, 190, 192), (0.6, 0.8), 5, "none"),
    "room": Scene((196, 176, 146), (214, 196, 168), (144, 104, 70), (118, 82, 54), (0.5, 0.85), 12, "furniture"),
    "sofa": Scene((110, 84, 96), (124, 96, 104), (150, 60, 60), (116, 44, 50), (0.4, 0.8), 16, "furniture"),
    "dim": Scene((54, 52, 60), (72, 70, 78), (62, 54, 50), (44, 40, 40), (0.5, 0.9), 12, "furniture"),
    "pond": Scene((58, 84, 60), (78, 104, 70), (66, 88, 66), (46, 66, 62), (0.2, 0.6), 26, "leaves"),
    "leaf": Scene((70, 120, 60), (96, 144, 74), (84, 128, 62), (58, 98, 50), (0.6, 1.2), 22, "leaves"),
    "earth": Scene((150, 126, 96), (160, 136, 104), (142, 116, 84), (112, 90, 64), (-0.1, 0.3), 28, "grass"),
    "twigs": Scene((150, 160, 140), (190, 194, 176), (150, 150, 120), (120, 124, 94), (0.9, 1.2), 24, "leaves"),
}

_TOWN = ("street", "street", "road", "road", "showroom", "meadow", "snow", "field", "harbour", "overcast")
_HOME = ("room", "room", "sofa", "dim", "lawn", "lawn", "showroom", "snow", "street", "earth", "meadow")
_PASTURE = ("meadow", "meadow", "field", "field", "lawn", "forest", "snow", "earth", "road", "overcast", "sunset")

PLACES = {
    "airplane": ("sky", "sky", "sky", "overcast", "overcast", "sunset", "runway", "runway", "sea", "meadow", "snow"),
    "automobile": _TOWN,
    "bird": ("sky", "overcast", "twigs", "twigs", "leaf", "forest", "lawn", "sea", "earth", "meadow", "snow", "pond"),
    "cat": _HOME,
    "deer": (*_PASTURE, "forest", "forest"),
    "dog": _HOME,
    "frog": ("pond", "pond", "leaf", "leaf", "lawn", "earth", "earth", "showroom", "room", "dim", "twigs"),
    "horse": _PASTURE,
    "ship": ("sea", "sea", "sea", "harbour", "harbour", "sunset", "overcast", "sky", "snow", "pond"),
    "truck": _TOWN,
}


def backgrounds(scenes: list[Scene], rng: np.random.Generator, side: int = 32) -> np.ndarray:
    """Backgrounds for all images at once.

    Args:
        scenes: one scene an image.
        rng: source of chance.
        side: height and width in pixels.

    Returns:
        (N, side, side, 3) float32, about 0..255.
    """
    count = len(scenes)
    colours = np.array([(s.top, s.low, s.far, s.near) for s in scenes], np.float32)
    colours += rng.normal(0, 9, colours.shape) + rng.normal(0, 10, (count, 1, 3)) + rng.normal(0, 10, (count, 1, 1))
    low, high = np.array([s.horizon for s in scenes]).T
    horizon = (low + (high - low) * rng.random(count))[:, None, None]
    tilt = rng.normal(0, 0.04, count)[:, None, None]
    across = np.linspace(-0.5, 0.5, side)[None, None, :]
    height = np.linspace(0, 1, side)[None, :, None] + tilt * across
    above = np.clip(height / np.maximum(horizon, 0.05), 0, 1)[..., None]
    below = np.clip((height - horizon) / np.maximum(1 - horizon, 0.05), 0, 1)[..., None]
    top, bottom, far, near = (colours[:, k, None, None, :] for k in range(4))
    ground = np.clip((height - horizon) * side + 0.5, 0, 1)[..., None]
    picture = (1 - ground) * (top + (bottom - top) * above) + ground * (far + (near - far) * below)
    rough = np.array([s.rough for s in scenes], np.float32)[:, None, None, None]
    texture = _smooth_noise(rng, count, 4, side) + 0.7 * _smooth_noise(rng, count, 9, side)
    return (picture + rough * texture * (0.5 + 0.5 * ground)).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, count: int, cells: int, side: int) -> np.ndarray:
    """(count, side, side, 1) noise of unit strength, interpolated between ``cells`` random values a side."""
    coarse = rng.normal(0, 1, (count, cells, cells)).astype(np.float32)
    at = np.linspace(0, cells - 1.001, side)
    left, part = at.astype(int), (at % 1).astype(np.float32)
    weights = np.zeros((cells, side), np.float32)
    weights[left, np.arange(side)] = 1 - part
    weights[left + 1, np.arange(side)] = part
    return (weights.T @ coarse @ weights)[..., None]


def draw_clutter(pen: Pen, random: Random, kind: str) -> None:
    """Things behind the subject. The pen's unit box is the whole picture here."""
    if kind == "clouds":
        for _ in range(random.randint(0, 3)):
            x, y, tone = random.uniform(-1, 1), random.uniform(-1, 0.1), random.randint(216, 250)
            for dx in (-0.2, 0.0, 0.18):
                pen.oval(x + dx, y - 0.05 * (dx == 0), 0.22, random.uniform(0.06, 0.13), (tone, tone, tone))
    elif kind == "buildings":
        for _ in range(random.randint(0, 4)):
            x, wide, tall = random.uniform(-1.1, 0.9), random.uniform(0.2, 0.5), random.uniform(0.3, 1.0)
            wall = vary(random, random.choice(((160, 120, 100), (150, 150, 150), (196, 184, 160), (110, 116, 128))))
            pen.box(x, 0.15 - tall, x + wide, 0.2, wall)
            for row in range(int(tall / 0.2)):
                pen.box(x + 0.06, 0.2 - tall + row * 0.2, x + wide - 0.06, 0.28 - tall + row * 0.2, shade(wall, 0.6))
    elif kind == "trees":
        for _ in range(random.randint(0, 4)):
            x, foot, size = random.uniform(-1, 1), random.uniform(-0.2, 0.3), random.uniform(0.25, 0.6)
            green = vary(random, random.choice(((62, 96, 52), (48, 72, 44), (104, 116, 60), (128, 96, 56))))
            pen.stroke([(x, foot), (x, foot - size)], 0.08 * size + 0.03, (84, 66, 50))
            pen.oval(x, foot - size, 0.42 * size, 0.5 * size, green)
            pen.oval(x - 0.1 * size, foot - 1.1 * size, 0.24 * size, 0.28 * size, shade(green, 1.25))
    elif kind == "furniture":
        for _ in range(random.randint(0, 3)):
            tone = vary(
                random,
                random.choice(((120, 70, 60), (70, 90, 120), (200, 190, 170), (90, 110, 80), (150, 110, 70))),
                25,
            )
            x, y = random.uniform(-1.1, 0.6), random.uniform(-1.0, 0.4)
            pen.box(x, y, x + random.uniform(0.2, 0.9), y + random.uniform(0.2, 0.9), tone)
    elif kind == "leaves":
        for _ in range(random.randint(2, 7)):
            green = vary(random, random.choice(((84, 130, 60), (60, 100, 54), (120, 140, 70), (130, 110, 70))))
            tilt = random.uniform(0, 180)
            pen.oval(
                random.uniform(-1, 1),
                random.uniform(-1, 1),
                random.uniform(0.15, 0.4),
                random.uniform(0.06, 0.16),
                green,
                tilt,
            )
    elif kind == "grass":
        draw_foreground(pen, random, 10)


def draw_foreground(pen: Pen, random: Random, blades: int) -> None:
    """Blades of grass, stalks and twigs, some of which hide part of the subject."""
    green = vary(random, random.choice(((96, 132, 60), (70, 104, 50), (170, 150, 96), (120, 100, 74))))
    for _ in range(random.randint(blades // 2, blades)):
        x, lean = random.uniform(-1, 1), random.uniform(-0.15, 0.15)
        pen.stroke([(x, 1.02), (x + lean, random.uniform(0.45, 0.85))], 0.04, shade(green, random.uniform(0.7, 1.3)))
