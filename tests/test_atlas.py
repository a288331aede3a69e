"""The atlas: runs by place, honest about places where nothing was run."""

from made_runs import made_atlas, made_run

from vgg_lesson.atlas import REMEDIES, Atlas, place_of
from vgg_lesson.training_config import TrainingConfig


def test_runs_are_placed_by_their_names():
    atlas = Atlas([*made_atlas(), made_run("lecture/full-0"), made_run("atlas/D-magic-1.0e-03-0")])
    assert sum(len(runs) for runs in atlas.cells.values()) == len(made_atlas())
    assert atlas.rates == [1e-4, 1e-3]
    assert atlas.remedies == ["lecture", "batchnorm"]
    assert [run.config["seed"] for run in atlas.runs(16, 1e-3, "batchnorm")] == [0, 1]


def test_counts_say_how_many_learned_and_what_was_not_run():
    atlas = Atlas(made_atlas())
    assert str(atlas.count(11, 1e-4, "lecture")) == "2 of 2"
    assert str(atlas.count(11, 1e-3, "lecture")) == "1 of 2"
    assert str(atlas.count(16, 1e-3, "lecture")) == "0 of 2"
    assert str(atlas.count(16, 1e-4, "lecture")) == "not run"
    assert len(atlas.counts("lecture")) == 4 * 2  # every depth, also those without a run


def test_maps_have_all_remedies_and_the_coarse_rates_even_where_nothing_was_run():
    maps = Atlas([*made_atlas(), made_run("atlas/D-he-3.0e-04-0")]).maps()
    assert list(maps) == list(REMEDIES.values())
    assert {len(counts) for counts in maps.values()} == {4 * 6}
    assert maps["batch norm"][16, 1e-3] == (2, 2) and maps["SGD with momentum"][19, 1e-5] == (0, 0)


def test_an_empty_atlas_has_no_rates(tmp_path):
    atlas = Atlas.load(tmp_path)
    assert (atlas.rates, atlas.remedies, atlas.cells) == ([], [], {})


def test_a_run_of_the_learner_finds_its_place():
    base = TrainingConfig(configuration="E", learning_rate=3e-4)
    assert place_of(base) == (19, 3e-4, "lecture")
    assert place_of(base.change(initializer="he_normal")).remedy == "he"
    assert place_of(base.change(batch_norm=True)).remedy == "batchnorm"
    assert place_of(base.change(optimizer="sgd")).remedy == "sgd"
    assert place_of(base.change(batch_norm=True, optimizer="sgd")) is None
    assert place_of(base.change(initializer="zeros")) is None
    assert place_of(base.change(configuration="C")) is None
    assert place_of(base.change(blocks=2)) is None  # 7 to 10 layers
    assert place_of(base.change(optimizer="sgd", momentum=0.0)) is None
    assert place_of(base.change(optimizer="muon")) is None
    assert place_of(base.change(start=("identity",))) is None
    assert {place_of(base).remedy} <= set(REMEDIES)
