"""Labs of lesson 1: browse the classes, and see the numbers that a network receives for an image."""

from functools import lru_cache

import numpy as np

from vgg_lesson.data import Dataset
from vgg_lesson.neighbours import Neighbourhood
from vgg_lesson.plots.images import PATCH, draw_class_page, draw_seen
from vgg_lesson.plots.style import Picture
from vgg_lesson.preprocessing import fit_statistics, preprocess
from vgg_lesson.preview import move
from vgg_lesson.widgets.common import choice, int_slider, switch
from vgg_lesson.widgets.explorer import Explorer

SHOWN = 30
"""Images of a class in the browser's grid."""
SEARCHED = 200
"""Images of a class among which the browser looks for near-duplicates."""
NEIGHBOURS = 6
LARGEST_SHIFT = 8
HOWS = (
    ("unit: x / 255 (lecture)", "unit"),
    ("mean_rgb: x - mean (paper)", "mean_rgb"),
    ("standardise: - mean, / std", "standardise"),
    ("raw: as stored", "raw"),
)
_SCALES = {"unit": 1.05, "mean_rgb": 160.0, "standardise": 2.6, "raw": 260.0}


def class_browser(dataset: Dataset) -> Explorer:
    """Validation images by class; for one of them the most similar training images, found number by number.

    Args:
        dataset: at least 30 validation images a class. Making the lab goes once through all
            training images (a few seconds for 40,000); a picture then takes a fraction of a second.
    """
    page = _ClassPages(dataset)
    names = [(name, number) for number, name in enumerate(dataset.class_names)]
    return Explorer(
        "Find an image whose nearest training images are all of other classes: what do they have in common with it? "
        "Then look for twins among the most similar ones.",
        page,
        {
            "number": choice("class", names, 0, "Which class to look at"),
            "chosen": int_slider("image in the grid", 0, 0, SHOWN - 1, "The framed image, counted row by row from 0"),
            "closest": switch(
                "most similar first",
                False,
                f"Order the class's first {SEARCHED} validation images by their distance to the training images",
            ),
        },
        height=420,
    )


class _ClassPages:
    """What the class browser computes, with the search's preparation kept between calls."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.neighbourhood = Neighbourhood(dataset.x_train)
        self.rows = [np.flatnonzero(dataset.y_val == number) for number in range(len(dataset.class_names))]
        short = {n: len(r) for n, r in zip(dataset.class_names, self.rows, strict=True) if len(r) < SHOWN}
        if short:
            raise ValueError(f"the class browser needs {SHOWN} validation images a class, received {short}")
        everything = [fit_statistics(dataset.x_val[rows]).mean * 255 for rows in self.rows]
        self.class_colours, self.mean_colour = everything, np.mean(everything, axis=0)
        self.closest_first = lru_cache(maxsize=None)(self._closest_first)

    def __call__(self, number: int, chosen: int, closest: bool) -> Picture:
        data = self.dataset
        rows = self.closest_first(number) if closest else self.rows[number]
        images = data.x_val[rows[:SHOWN]]
        found = self.neighbourhood.nearest(images[chosen], NEIGHBOURS)
        near = [neighbour.row for neighbour in found]
        return draw_class_page(
            images,
            chosen,
            data.class_names[number],
            self.class_colours[number],
            self.mean_colour,
            data.x_train[near],
            [data.class_names[label] for label in data.y_train[near]],
            [neighbour.distance for neighbour in found],
        )

    def _closest_first(self, number: int) -> np.ndarray:
        rows = self.rows[number][:SEARCHED]
        return rows[self.neighbourhood.closest_first(self.dataset.x_val[rows])]


def preprocessing_explorer(dataset: Dataset) -> Explorer:
    """One training image, mirrored and shifted at will, and the numbers that a network receives for it.

    Args:
        dataset: its training images give the statistics that preprocessing subtracts and divides by.
    """
    statistics = fit_statistics(dataset.x_train)
    images = dataset.x_train[: min(100, len(dataset.x_train))]
    top = left = (images.shape[1] - PATCH) // 2

    def seen(row: int, how: str, mirror: bool, right: int, down: int) -> Picture:
        image = move(images[row], mirror=mirror, right=right, down=down)
        numbers = preprocess(image[None], how, statistics)[0]
        return draw_seen(image, numbers, how, (top, left), _SCALES[how])

    way = f"pixels; up to {LARGEST_SHIFT} each way"
    return Explorer(
        "Find the preprocessing under which the images' means lie on both sides of 0, with spreads of the order of 1. "
        "Then mirror and shift: what changes in the numbers, and what in the histogram?",
        seen,
        {
            "row": int_slider("training image", 0, 0, len(images) - 1, "Which of the first training images"),
            "how": choice("preprocessing", HOWS, "unit", "What is done to the stored numbers"),
            "mirror": switch("mirror left and right", False, "Exchange left and right"),
            "right": int_slider("shift right", 0, -LARGEST_SHIFT, LARGEST_SHIFT, f"Shift to the right in {way}"),
            "down": int_slider("shift down", 0, -LARGEST_SHIFT, LARGEST_SHIFT, f"Shift down in {way}"),
        },
        height=340,
    )
