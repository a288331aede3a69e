"""Drawn stand-in for CIFAR-10: ten classes with its names, shapes and dtypes, made from a seed.

For a laptop without the data, and for tests without a network. Pose, size, colour, light, scene
and clutter vary from image to image, so that a linear model is not enough and a small
convolutional network has something to learn. Cats and dogs, and automobiles and trucks, are
drawn to be confused now and then. An accuracy on sketches is never CIFAR-10's: easier and
harder parts differ, and none of the published figures apply.
"""

from random import Random

import numpy as np
from PIL import Image

from vgg_lesson.cifar10.batch import CLASS_NAMES
from vgg_lesson.drawing import craft, hoofed, pets, vehicles, wildlife
from vgg_lesson.drawing.pen import Pen
from vgg_lesson.drawing.scenes import PLACES, SCENES, backgrounds, draw_clutter, draw_foreground
from vgg_lesson.whole import is_whole

SIDE = 32
_FINER = 4  # drawn this many times larger, then averaged down: smooth edges

_SUBJECTS = {
    "airplane": craft.airplane,
    "automobile": vehicles.automobile,
    "bird": wildlife.bird,
    "cat": pets.cat,
    "deer": hoofed.deer,
    "dog": pets.dog,
    "frog": wildlife.frog,
    "horse": hoofed.horse,
    "ship": craft.ship,
    "truck": vehicles.truck,
}
_TURN = {"airplane": 22, "bird": 12, "frog": 14}  # degrees, standard deviation; 5 for the others
_AFLOAT = frozenset({"airplane", "bird", "frog"})  # may be anywhere, without a shadow on the ground


def draw_sketches(images: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a shuffled set in which the ten classes are equally frequent.

    Args:
        images: how many, at least 1. Classes differ by one image when it is no multiple of ten.
        seed: 0 or a positive integer; equal seeds give equal images, other seeds other images.

    Returns:
        ``(x, y)``: x (images, 32, 32, 3) uint8, y (images,) int64 class numbers as in ``CLASS_NAMES``.

    Raises:
        ValueError: not such integers.
    """
    for name, value, least in (("images", images, 1), ("seed", seed, 0)):
        if not is_whole(value, least):
            raise ValueError(f"{name} must be an integer of at least {least}, received {value!r}")
    rng = np.random.default_rng([int(seed), 10])
    labels = rng.permutation(np.arange(images) % len(CLASS_NAMES)).astype(np.int64)
    # Python's generator draws single numbers ten times faster than NumPy's.
    random = Random(int(rng.integers(2**63)))
    scenes = [SCENES[random.choice(PLACES[CLASS_NAMES[label]])] for label in labels]
    behind = np.clip(backgrounds(scenes, rng), 0, 255).astype(np.uint8)
    drawn = np.empty((images, SIDE, SIDE, 3), np.uint8)
    for row, label in enumerate(labels):
        drawn[row] = _draw(behind[row], CLASS_NAMES[label], scenes[row].clutter, random)
    return _photograph(drawn, rng), labels


def _draw(background: np.ndarray, name: str, clutter: str, random: Random) -> np.ndarray:
    size = SIDE * _FINER
    canvas = Image.fromarray(background).resize((size, size), Image.Resampling.BILINEAR)
    whole = Pen(canvas, (size / 2, size / 2), size / 2)
    draw_clutter(whole, random, clutter)
    scale = size * random.uniform(0.29, 0.47)
    shift = size * 0.11
    centre = (size / 2 + random.uniform(-shift, shift), size / 2 + random.uniform(-shift, shift))
    pen = Pen(
        canvas,
        centre,
        scale,
        turn=random.gauss(0, _TURN.get(name, 5)),
        slant=random.gauss(0, 0.12),
        mirrored=random.random() < 0.5,
    )
    if name not in _AFLOAT and name != "ship" and random.random() < 0.7:
        tone = random.randint(40, 80)
        pen.oval(0, 0.82, 0.95, 0.14, (tone, tone, tone))
    _SUBJECTS[name](pen, random)
    if name == "ship":
        _waves(pen, random)
    elif random.random() < 0.25 and clutter in ("trees", "grass", "leaves"):
        draw_foreground(whole, random, 6)
    return np.asarray(canvas.reduce(_FINER))


def _waves(pen: Pen, random: Random) -> None:
    tone = random.randint(150, 230)
    for _ in range(random.randint(1, 4)):
        x, y = random.uniform(-1.2, 0.6), random.uniform(0.52, 0.8)
        pen.stroke(
            [(x, y), (x + random.uniform(0.3, 0.9), y + random.uniform(-0.04, 0.04))],
            0.05,
            (tone, tone + 10, tone + 20),
        )


def _photograph(drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour cast, contrast and sensor noise: two photographs never share them."""
    count = len(drawn)

    def each(low: float, high: float, channels: int = 1) -> np.ndarray:
        return rng.uniform(low, high, (count, 1, 1, channels)).astype(np.float32)

    across = np.linspace(-1, 1, SIDE, dtype=np.float32)
    light = 1 + each(-0.22, 0.22) * across[None, None, :, None] + each(-0.22, 0.22) * across[None, :, None, None]
    values = drawn * light * each(0.93, 1.07, 3)
    middle = values.mean(axis=(1, 2), keepdims=True)
    values = middle + (values - middle) * each(0.85, 1.6)
    values = values * each(0.65, 1.2) + each(-22, 22)
    values += rng.standard_normal(values.shape, np.float32) * each(2, 9)
    return np.clip(values, 0, 255).astype(np.uint8)
