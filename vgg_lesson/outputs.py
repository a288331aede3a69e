"""What a network answered on a labelled set of images, as one value that plots and labs share."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from vgg_lesson.calibration import at_temperature, checked
from vgg_lesson.metrics import confusion_matrix


@dataclass(frozen=True)
class Outputs:
    """The outputs of one network, checked when made.

    Attributes:
        name: how pictures and menus call the network, for example "your network".
        probabilities: (N, classes) float64, each row a softmax output.
        labels: (N,) int64 class numbers, the truth.
        class_names: names in the order of the class numbers.
        images: (N, H, W, 3) uint8 in the same order, or None when they are not at hand.

    Raises:
        ValueError: shapes that do not fit each other, or rows that are no probabilities.
    """

    name: str
    probabilities: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    class_names: tuple[str, ...] = field(repr=False)
    images: np.ndarray | None = field(repr=False, default=None)

    def __post_init__(self):
        probabilities, labels = checked(self.probabilities, self.labels)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "labels", labels)
        if isinstance(self.class_names, str):
            raise ValueError(f"class_names must be one name a class, received the text {self.class_names!r}")
        object.__setattr__(self, "class_names", tuple(self.class_names))
        if len(self.class_names) != probabilities.shape[1]:
            raise ValueError(f"{probabilities.shape[1]} classes but {len(self.class_names)} names: {self.class_names}")
        if self.images is not None and (np.ndim(self.images) != 4 or len(self.images) != len(labels)):
            raise ValueError(f"{len(labels)} outputs but images of shape {np.shape(self.images)}")

    @cached_property
    def predictions(self) -> np.ndarray:
        """(N,) the class with the largest probability."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """(N,) that probability."""
        return self.probabilities.max(axis=1)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: the prediction is the label."""
        return self.predictions == self.labels

    @property
    def confusion(self) -> np.ndarray:
        """(classes, classes) counts, rows = truth."""
        return confusion_matrix(self.labels, self.predictions, len(self.class_names))

    def at_temperature(self, temperature: float) -> "Outputs":
        """The same outputs with the logits divided by ``temperature``."""
        return self._replace(probabilities=at_temperature(self.probabilities, temperature))

    def rows(self, places) -> "Outputs":
        """A part of the outputs: ``places`` is an index array, a mask or a slice."""
        images = None if self.images is None else self.images[places]
        return self._replace(probabilities=self.probabilities[places], labels=self.labels[places], images=images)

    def cell(self, true: int, predicted: int) -> np.ndarray:
        """Places of the images of class ``true`` that were taken for ``predicted``, most confident first.

        Raises:
            ValueError: a class number that does not exist.
        """
        classes = range(len(self.class_names))
        if true not in classes or predicted not in classes:
            raise ValueError(f"classes must lie in 0 .. {len(classes) - 1}, received {true!r} and {predicted!r}")
        places = np.flatnonzero((self.labels == true) & (self.predictions == predicted))
        return places[np.argsort(-self.confidence[places], kind="stable")]

    def _replace(self, **changes) -> "Outputs":
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Outputs(**{**values, **changes})
