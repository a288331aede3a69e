"""Labels of copies of the same image that contradict each other."""

from vgg_lesson.diagnosis import causes
from vgg_lesson.diagnosis.facts.copies import Copies
from vgg_lesson.diagnosis.report import Finding

MOST = 0.5
"""Share of labels that no function of the image gets right. CIFAR-10 and the drawn images: 0 of 2,048; eight copies of
each image with 6% wrong labels: 0.06; ten images with drawn labels in the place of one: 0.7."""


def other_labels(found: Copies) -> Finding | None:
    """Labels say nothing about images of which each is there with several labels."""
    if found.contradicted <= MOST:
        return None
    return Finding(
        causes.LABELS_INDEPENDENT_OF_IMAGES,
        f"of {found.images:,} images {found.different:,} are different, and {found.contradicted:.0%} have another "
        "label than the commonest one of their exact copies",
        f"above {MOST:.0%}",
        "look at how the images were collected: one array filled again and again, one file read for many names",
        blocks_training=True,
    )
