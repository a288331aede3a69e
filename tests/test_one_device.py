"""Nothing of a training stays in the process: no graph that was traced, and so none of its memory."""

import gc

import numpy as np
import pytest
from made_images import noise
from tensorflow.python.framework.func_graph import FuncGraph

from vgg_lesson.diagnosis import examine
from vgg_lesson.rate_finder import find_rate
from vgg_lesson.training import prepared, train
from vgg_lesson.training_config import TrainingConfig

TINY = TrainingConfig(configuration="A", width=0.125, head=(16,), epochs=1)


def examined():
    data = noise(64)
    model, *_ = prepared(TINY, data)
    examine(model, data.x_train / 255.0, np.eye(10)[data.y_train], budget_seconds=5)


@pytest.mark.parametrize(
    "work",
    [
        lambda: train(TINY, noise(64)),
        lambda: train(TINY.change(optimizer="sgd", batch_norm=True, weight_decay=1e-4), noise(64)),
        lambda: find_rate(*prepared(TINY, noise(64))[:2], steps=30),
        examined,
    ],
    ids=["adam", "sgd", "rate finder", "examine"],
)
def test_no_graph_stays(work):
    assert graphs_after(work) == 0


def graphs_after(work) -> int:
    """How many graphs more there are after ``work``."""
    gc.collect()
    before = {id(graph) for graph in graphs()}
    work()
    gc.collect()
    return len([graph for graph in graphs() if id(graph) not in before])


def graphs() -> list[FuncGraph]:
    return [thing for thing in gc.get_objects() if type(thing) is FuncGraph]
