"""The atlas explorer: recorded runs over depth, rate and remedy, with the learner's own drawn in."""

from vgg_lesson.atlas import DEPTHS, REMEDIES, Atlas, place_of
from vgg_lesson.plots.atlas import atlas_cell, no_atlas
from vgg_lesson.plots.style import Picture
from vgg_lesson.training_config import short_rate
from vgg_lesson.widgets.common import choice, step_slider
from vgg_lesson.widgets.explorer import Explorer

GOAL = "For each remedy and depth, find the largest learning rate at which every seed learns."


def atlas_explorer(panel=None, *, atlas: Atlas | None = None) -> Explorer:
    """Move depth, rate and remedy; see the recorded curves there and the map of success rates.

    Args:
        panel: a :class:`vgg_lesson.widgets.training.TrainingPanel`, whose runs are drawn into the map
            as they finish; or None.
        atlas: other records than the committed ones.
    """
    atlas = atlas or Atlas.load()

    def compute(depth: int, rate: float, remedy: str) -> Picture:
        if not atlas.cells:
            return no_atlas()
        curves = {run.config["seed"]: run.curve("val_accuracy") for run in atlas.runs(depth, rate, remedy)}
        return atlas_cell(atlas.counts(remedy), curves, (depth, rate), REMEDIES[remedy], own_runs(panel, remedy))

    rates = atlas.rates or [1e-3]
    remedies = [(REMEDIES[remedy], remedy) for remedy in atlas.remedies or ["lecture"]]
    explorer = Explorer(
        GOAL,
        compute,
        {
            "depth": step_slider("Weight layers", list(DEPTHS.values()), 16, "11, 13, 16, 19: the paper's A, B, D, E"),
            "rate": step_slider(
                "Learning rate",
                [(short_rate(rate), rate) for rate in rates],
                1e-3 if 1e-3 in rates else rates[len(rates) // 2],
                "Only recorded rates",
            ),
            "remedy": choice("Remedy", remedies, remedies[0][1], "One change to the lecture's settings"),
        },
        height=380,
    )
    if panel is not None:
        panel.on_run(explorer.update)
    return explorer


def own_runs(panel, remedy: str) -> list[tuple[int, float, bool]]:
    """The panel's runs that belong on the map of this remedy, as (depth, rate, learned)."""
    found = []
    for run in panel.runs if panel is not None else ():
        place = place_of(run.training_config)
        if run.epochs and place is not None and place.remedy == remedy:
            found.append((place.depth, place.rate, run.verdict == "learning"))
    return found
