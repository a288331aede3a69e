"""A small network that is known to learn, on the subject's own arrays: do the images show their labels?

Own scaling, own loss, own optimizer: whatever is wrong with the subject's network, this one has not
got it. Images it has not trained on decide, so learning by heart does not count. Averaging hides
classes that lie in fine detail, so before images are said to show nothing their whole detail is looked at.
"""

import time
from dataclasses import dataclass

from vgg_lesson.diagnosis.facts.guessing import gap_error, limit
from vgg_lesson.diagnosis.facts.known_good_network import KnownGoodNetwork, Validation
from vgg_lesson.diagnosis.subject import Subject

ENOUGH = 80
"""Steps after which nothing found means that there is nothing: CIFAR-10 shows 0.3 after 40."""
LONGER = 3
"""Times the steps for a second look: nothing was found, or validation images seem harder than held-out ones."""
CLEARLY = 5
"""Standard errors above guessing at which a second look ends early: one more than counts, as it is asked often."""


@dataclass(frozen=True)
class KnownGood:
    """What the known-good network found.

    Attributes:
        accuracy: share of right answers on training images held out from it. held_out: their number.
        majority: share of the largest class among these: what guessing gives.
        steps, seconds: of training, batches of 64.
        informative: True when accuracy is above guessing by ``STANDARD_ERRORS``; False when it is not after enough
            steps, in full detail too, nor its probabilities tell anything; None when there were too few images or
            steps, or when only the probabilities tell.
        permuted: the same on permuted labels, NaN when not tried.
        validation: what it says about the validation images.
        augmented: accuracy when trained as long on augmented images, on plain held-out images; NaN without
            augmentation and where there was no time for it.
    """

    accuracy: float
    held_out: int
    majority: float
    steps: int
    seconds: float
    informative: bool | None
    permuted: float = float("nan")
    validation: Validation = Validation()
    augmented: float = float("nan")


def known_good(subject: Subject, until: float, *, steps: int = 160) -> KnownGood:
    """Train it, look at held-out and validation images, and at permuted labels when nothing was found.

    Every further look is a training from fresh weights; one that the clock ends too early changes nothing.
    """
    began = time.perf_counter()
    network = KnownGoodNetwork(subject)
    majority, held = network.majority, len(network.held)
    needed, clearly = limit(majority, held), limit(majority, held, CLEARLY)
    wish = max(2.5 * majority, majority + 0.15) if majority < 0.5 else None
    done = network.fit(steps, until, enough=wish)
    informative, permuted = None, float("nan")
    if held >= 50 and network.accuracy() > needed:
        informative = True
    elif held >= 200 and done >= ENOUGH:
        if done == steps:  # many wrong labels, or classes that lie close together, only slow it down
            done = network.fit_longer(LONGER * steps, until, done, enough=clearly)
        informative = network.told(network.accuracy() > needed)
    if informative is False:
        permuted = network.permuted(ENOUGH // 2)
        if network.thinned:
            network = KnownGoodNetwork(subject, fine=True)
            done = network.fit(LONGER * steps, until + (until - began), enough=clearly)
            above = network.accuracy() > needed
            informative = network.told(above) if above or done >= ENOUGH else None
    seen = network.validate()
    if informative and network.accuracy() - seen.accuracy > 2 * gap_error(held, seen.count):
        # Barely trained, it knows too little to be much worse on turned images: more training tells.
        done = network.fit_longer(LONGER * steps, until, done)
        seen = network.validate()
    accuracy, augmented = network.accuracy(), float("nan")
    if subject.augmentation is not None and informative and network.fit(done, until, augment=True) == done:
        augmented = network.accuracy()
    seconds = time.perf_counter() - began
    return KnownGood(accuracy, held, majority, done, seconds, informative, permuted, seen, augmented)
