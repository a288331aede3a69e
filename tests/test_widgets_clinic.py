"""The clinic and the consultation behind it: prices, names, score, and what is not told too early."""

import pytest

from vgg_lesson.cases import CASES, HEALTHY_CASES
from vgg_lesson.consultation import FAMILIAR, INSTRUMENTS, NAMEABLE, PATIENTS, Consultation
from vgg_lesson.data import load_data
from vgg_lesson.widgets.clinic import Clinic


@pytest.fixture(scope="module")
def dataset():
    return load_data("sketches").subset(train=300, validation=100, test=10)


@pytest.fixture
def consultation(dataset):
    return Consultation(35, dataset, steps=5)


def test_every_order_goes_on_the_bill_once(consultation):
    first = consultation.order("data")
    assert consultation.bill == INSTRUMENTS["data"].seconds
    assert consultation.order("data") is first and consultation.bill == INSTRUMENTS["data"].seconds
    consultation.order("metrics")
    assert consultation.bill == INSTRUMENTS["data"].seconds + INSTRUMENTS["metrics"].seconds
    with pytest.raises(KeyError, match="no instrument 'stethoscope'"):
        consultation.order("stethoscope")


def test_the_score_counts_seconds_and_wrong_names(consultation):
    assert consultation.score == 0
    wrong = consultation.name("dead_relus")
    assert not wrong.right and consultation.score == 0 and consultation.case.name not in wrong.text
    right = consultation.name("train_validation_preprocessing_differ")
    assert right.right and consultation.case.name in right.text
    assert consultation.score == 70
    consultation.name("dead_relus")
    assert consultation.score == 70  # the same wrong name costs once
    consultation.patient.results = dict.fromkeys(["untouched control", "ten times the rate"])
    assert consultation.score == 70 - (24 - 10)


def patient(case):
    return next(number for number, each in PATIENTS.items() if each.number == case)


@pytest.mark.parametrize("case", [19, 20])
def test_patients_whose_loss_raises_can_be_measured_all_the_same(dataset, case):
    consultation = Consultation(patient(case), dataset, steps=5)
    said = {name: consultation.order(name).text for name in INSTRUMENTS if INSTRUMENTS[name].kind == "vital sign"}
    refused = {name for name, text in said.items() if "It cannot be trained at all. Keras says:" in text}
    assert refused == {"first loss", "updates", "gradient check"}
    assert "logits differ between images by" in said["signal through the layers"]


def test_a_name_that_is_no_cause_is_refused(consultation):
    with pytest.raises(ValueError, match="received 'bad luck'"):
        consultation.name("bad luck")
    assert consultation.named == []


def test_no_remedy_without_a_diagnosis(consultation):
    with pytest.raises(RuntimeError, match="name the cause first"):
        consultation.prescribe()
    consultation.name("train_validation_preprocessing_differ")
    prescription = consultation.prescribe()
    assert not consultation.can_be_tried and not prescription.trials and consultation.prescribe() is prescription
    assert "train_validation_preprocessing_differ" in str(prescription)


def test_nothing_to_cure_in_a_healthy_network(dataset):
    consultation = Consultation(patient(112), dataset)
    consultation.name("healthy")
    assert "The network learns with its own configuration." in str(consultation.prescribe())


def test_two_causes_together_are_both_told(dataset):
    consultation = Consultation(1, dataset)
    verdict = consultation.name("learning_rate_too_high")
    assert verdict.right and "initialisation_too_small" in verdict.text
    consultation.name("dead_relus")
    consultation.name("initialisation_too_small")
    assert consultation.wrong_names == ["dead_relus"] and consultation.score == 70


def test_every_case_comes_once_and_its_number_does_not_tell_whether_it_is_healthy():
    assert list(PATIENTS) == list(range(1, len(CASES) + 1))
    assert sorted(case.number for case in PATIENTS.values()) == sorted(CASES)
    assert all(PATIENTS[number] is CASES[number] for number in FAMILIAR)
    half = len(PATIENTS) // 2
    healthy = sum(PATIENTS[number] in HEALTHY_CASES for number in range(1, half + 1))
    assert 0.25 < healthy / len(HEALTHY_CASES) < 0.75


def test_numbers_outside_the_clinic(dataset):
    with pytest.raises(ValueError, match="received 999"):
        Consultation(999, dataset)


@pytest.fixture(scope="module")
def clinic(dataset):
    return Clinic(dataset, number=35, steps=5)


def test_a_visit_from_order_to_score(clinic):
    assert "train" not in clinic.chart.value  # the fault is not given away
    clinic.instrument.value = "data"
    clinic.order_button.click()
    clinic.wait()
    assert "Bill 1 s." in clinic.chart.value and "Validation images: mean" in clinic.chart.value
    assert "<caption" in clinic.chart.value and clinic.chart.value.count("scope='col'") == 3
    assert "<th scope='row' style='text-align:left'>data</th>" in clinic.chart.value
    clinic.cause.value = "dead_relus"
    clinic.name_button.click()
    clinic.wait()
    assert "not what is wrong here" in clinic.message.value and "Cause not found yet" in clinic.chart.value
    clinic.cause.value = "train_validation_preprocessing_differ"
    clinic.name_button.click()
    clinic.wait()
    assert "Right." in clinic.message.value and "Score 70." in clinic.chart.value and clinic.score == 70
    clinic.prescribe_button.click()
    clinic.wait()
    assert "Nothing to try by training" in clinic.message.value


def test_a_picture_where_layers_were_measured_and_none_for_a_new_patient(clinic):
    clinic.instrument.value = "signal through the layers"
    clinic.order_button.click()
    clinic.wait()
    assert bytes(clinic.panel.image.value).startswith(b"\xff\xd8")
    assert "Spread of the outputs" in clinic.panel.words.value
    clinic.number.value = 19
    clinic.wait()
    assert clinic.panel.image.value == b"" and clinic.panel.words.value == ""
    assert "Bill 0 s." in clinic.chart.value and clinic.score == 0


def test_clicks_while_it_works_are_ignored(clinic):
    clinic.busy = True
    clinic.order_button.click()
    clinic.wait()
    assert clinic.consultation.ordered == {}
    clinic.busy = False


def test_an_error_is_told_and_the_clinic_stays_open(clinic):
    clinic.prescribe_button.click()
    with pytest.raises(RuntimeError, match="name the cause first"):
        clinic.wait()
    assert "name the cause first" in clinic.message.value and not clinic.busy
    clinic.instrument.value = "metrics"
    clinic.order_button.click()
    clinic.wait()
    assert "metrics" in clinic.consultation.ordered


def test_controls_have_labels_tooltips_and_prices(clinic):
    for control in (clinic.number, clinic.instrument, clinic.cause, clinic.order_button, clinic.name_button):
        assert control.description and control.tooltip
    assert all("s)" in text for text, _ in clinic.instrument.options)
    assert len(clinic.cause.options) == len(NAMEABLE)
