"""The experiment on NIH's labels: its parts, on small tables in their true form."""

import gzip
import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cxrbase.files import InputError

RESULT = pathlib.Path(__file__).parents[1] / "benchmarks/results/nih_labels.json"
FILMS = {  # NIH's labels, patient, RSNA's class.
    "1_0.png": ("Pneumonia", 1, "Lung Opacity"),
    "1_1.png": ("Pneumonia|Edema", 1, "Normal"),
    "2_0.png": ("Infiltration", 2, "Lung Opacity"),
    "3_0.png": ("Mass", 3, "No Lung Opacity / Not Normal"),
    "4_0.png": ("No Finding", 4, "Normal"),
    "5_0.png": ("No Finding", 5, "Lung Opacity"),
    "6_0.png": ("No Finding", 6, "Normal"),
    "7_0.png": ("Hernia", 7, None),
}
BOXED = "NIH BBox_List_2017 (board-certified radiologist)"


@pytest.fixture
def study(experiment):
    return experiment("nih_labels")


@pytest.fixture
def folder(tmp_path):
    """A folder in the layout of `nih_boxes/`."""
    place = tmp_path / "nih_boxes"
    place.mkdir()
    rows = [f"{name},{labels},0,{of},57,M,{'AP' if of < 3 else 'PA'}"
            for name, (labels, of, _) in FILMS.items()]  # fmt: skip
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,"
    head += "Patient Gender,View Position"
    with gzip.open(place / "Data_Entry_2017_v2020.csv.gz", "wt") as file:
        file.write("\n".join([head, *rows]) + "\n")
    rsna = pd.DataFrame(
        [(name, told) for name, (_, _, told) in FILMS.items() if told],
        columns=["filename", "rsna_class"],
    )
    google = pd.DataFrame({"Image Index": ["1_0.png", "4_0.png", "3_0.png"]})
    google["Airspace opacity"] = ["YES", "NO", "NO"]
    google["Nodule or mass"] = ["NO", "NO", "YES"]
    google["Pneumothorax"] = google["Fracture"] = "NO"
    boxes = pd.DataFrame(
        [
            ("1_0.png", "Pneumonia", 0.1, 0.1, 0.2, 0.2, BOXED),
            ("1_0.png", "Lung Opacity", 0.2, 0.1, 0.2, 0.2, "RSNA 2018 (adjudicated)"),
            ("3_0.png", "Mass", 0.2, 0.1, 0.2, 0.2, BOXED),
        ],
        columns=["filename", "label", "x", "y", "w", "h", "source"],
    )
    tables = {"rsna_class": rsna, "google_labels": google, "boxes": boxes}
    for name, table in tables.items():
        table[:2].to_csv(place / f"{name}_shared_nih.csv", index=False)
        table[2:].to_csv(place / f"{name}_nih_more.csv", index=False)
    return place


def test_a_label_is_judged_by_the_films_that_both_know(study, folder):
    whole, rsna, google, _ = study.read_tables(folder)
    known = study.truths(rsna, google)
    scores, table = study.judge(whole, known["RSNA", "opacity"], ("Pneumonia",), False)
    assert table == [1, 1, 2, 3] and scores["ppv"]["n"] == 7
    assert scores["ppv"]["value"] == 0.5 and scores["npv"]["value"] == 0.6
    assert scores["ceiling"]["value"] == pytest.approx(0.55)
    assert scores["ppv"]["protocol"]["patients"] == 6
    scores, table = study.judge(whole, known["RSNA", "not normal"], study.ANY, False)
    assert table == [3, 1, 1, 2]


def test_films_are_weighed_back_by_the_labels_that_they_were_chosen_by(study, folder):
    whole, rsna, _, _ = study.read_tables(folder)
    groups = study.group_of(whole.findings)
    assert groups.value_counts().to_dict() == {
        "No Finding": 3, "Pneumonia": 2, "other finding": 2, "pneumonia-like": 1,
    }  # fmt: skip
    truth = rsna.eq("Lung Opacity").astype(int)
    scores, _ = study.judge(whole, truth, ("Pneumonia",), True)
    # The hernia was not judged: the mass, of the same stratum, stands for it, too.
    assert scores["npv"]["value"] == pytest.approx(4 / 6)
    assert scores["npv"]["protocol"]["covered"] == 1
    three = study.ranked(whole, rsna, ("Mass",))
    # Above three normals, below three opacities, which weigh the same: one half.
    assert three["value"] == pytest.approx(0.5)
    assert study.view_alone(whole, ("Pneumonia",)) == pytest.approx((1 + 5 / 6) / 2)


def test_boxes_are_compared_where_both_drew(study, folder):
    boxes = study.read_tables(folder)[3]
    found = study.both_drew(boxes)
    assert found["films"] == found["pairs"] == 1
    assert found["box by box"] == pytest.approx(1 / 3, abs=0.01)
    assert found["all boxes of a film"] == pytest.approx(found["box by box"])


def test_the_record_holds_counts_and_no_film(study, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "RESULT", tmp_path / "record.json")
    readme = tmp_path / "results.md"
    readme.write_text("<!-- nih labels: begin -->\n<!-- nih labels: end -->\n")
    command = [str(folder.parent), "--readme", str(readme)]
    run = CliRunner().invoke(study.main, command, catch_exceptions=False)
    assert run.exit_code == 0
    text = (tmp_path / "record.json").read_text()
    record = json.loads(text)
    assert record["commit"] and record["versions"]["numpy"] == np.__version__
    assert ".png" not in text and ".png" not in readme.read_text()
    # One or two positives: their share is told, no ceiling.
    assert "1 · 1 · 2 · 3 | 0.33" in readme.read_text()
    assert "too few" in readme.read_text()


def test_what_is_not_there_or_odd_is_said(study, folder, tmp_path):
    with pytest.raises(InputError, match="holds no Data_Entry_2017_v2020.csv.gz"):
        study.read_tables(tmp_path)
    path = folder / "rsna_class_nih_more.csv"
    path.write_text(path.read_text().replace("Normal\n", "Odd\n", 1))
    with pytest.raises(InputError, match="a class of RSNA is"):
        study.read_tables(folder)


@pytest.mark.real
def test_the_record_is_that_of_the_tables(study, real_data):
    whole, rsna, google, _ = study.read_tables(real_data / "nih_boxes")
    known = study.truths(rsna, google)
    for row in json.loads(RESULT.read_text())["rows"]:
        truth = known[row["judge"], row["truth"]]
        own = study.labelled(whole.findings[truth.index], row["labels"])
        table = pd.crosstab(own, truth).reindex(
            index=(1, 0), columns=(1, 0), fill_value=0
        )
        assert row["table"] == table.to_numpy().ravel().tolist(), row["labels"]
