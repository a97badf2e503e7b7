"""A student's own seed: the same from the same name, and never one that is taken."""

import json
import pathlib
import re

import numpy as np
import pandas as pd
import pytest
import test_shipped

from coursework.results import Results
from coursework.run.plan import plan
from coursework.run.profiles import fill_in
from coursework.student.seeds import (
    COUNT,
    LOWEST,
    RESERVED,
    normal_name,
    refuse_another,
    run_name,
    student_seed,
)
from cxrbase.files import InputError
from cxrphantom.dataset import drawn_report, write_phantom

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "01_data.ipynb"


# === The seed ===


def test_it_is_the_same_on_every_machine():
    assert student_seed("Ada Lovelace") == 1_209_757_213
    assert student_seed("Blaise Pascal") == 1_172_333_554


@pytest.mark.parametrize(
    "typed",
    ["ada lovelace", "  Ada  Lovelace\n", "ADA LOVELACE", "\uff21da Lovelace"],
    ids=["lower case", "blanks", "upper case", "wide letter"],
)
def test_a_name_may_be_typed_in_several_ways(typed):
    assert student_seed(typed) == student_seed("Ada Lovelace")
    assert run_name("course", typed) == "course-ada_lovelace"


def test_letters_with_accents_are_one_letter_or_two():
    assert normal_name("Zoe\u0301") == normal_name("Zo\u00e9") != normal_name("Zoe")


def test_no_two_of_many_have_the_same_and_none_is_reserved():
    seeds = {student_seed(f"student {number}") for number in range(5000)}
    assert len(seeds) == 5000
    assert min(seeds) >= LOWEST and max(seeds) < LOWEST + COUNT < 2**31 - 1
    assert max(RESERVED) < LOWEST


def test_every_large_seed_of_the_repository_is_reserved():
    """Seeds of weights, recipes, benchmarks and tests, found where they are written."""
    found = {test_shipped.SEED}
    for folder in ("weights", "cxrlib", "packages", "benchmarks", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".json", ".py", ".md", ".yaml", ".toml"):
                text = path.read_text(encoding="utf-8")
                for digits in re.findall(r"seed\W{1,12}([\d_,]{6,13})\b", text):
                    found.add(int(re.sub("[_,]", "", digits)))
    assert len(found) > 3
    assert {seed for seed in found if seed < LOWEST} <= set(RESERVED)


@pytest.mark.parametrize("name", [12345, None, True])
def test_a_name_is_a_text(name):
    with pytest.raises(InputError, match="student = .*: must be a text, in quotes"):
        student_seed(name)


# === Where it is filled in ===


def names(**given):
    return {"profile": "smoke", "student": "", "seed": None, "studies": None} | given


def test_without_a_student_all_is_as_before():
    chosen, said = fill_in(names())
    assert chosen["seed"] == 0 and chosen["student"] == "" and "student" not in said
    assert run_name("smoke", "  ") == "smoke"


def test_a_student_has_a_seed_and_a_folder_of_their_own():
    own = names(student="Ada Lovelace")
    chosen, said = fill_in(own)
    assert chosen["seed"] == own["seed"] == student_seed("Ada Lovelace")
    assert chosen["student"] == "Ada Lovelace"
    assert f"student Ada Lovelace: seed {own['seed']}" in said


def test_a_profile_may_name_the_student(tmp_path):
    (tmp_path / "ada.yaml").write_text("student: Ada Lovelace\nseed: 3\n")
    own = names(profile=str(tmp_path / "ada.yaml"))
    assert fill_in(own)[0]["seed"] == own["seed"] == student_seed("Ada Lovelace")
    assert own["student"] == "Ada Lovelace"


def test_a_seed_beside_a_name_is_refused():
    with pytest.raises(InputError, match="and seed = 3: the seed follows from the"):
        fill_in(names(student="Ada", seed=3))
    with pytest.raises(InputError, match="student = 7: must be a text"):
        fill_in(names(student=7))


def test_in_a_batch(tmp_path):
    (run,) = plan([NOTEBOOK], tmp_path, {"student": "Ada"}, profile="course")
    assert run.parameters["student"] == "Ada" and "seed" not in run.parameters
    assert plan([NOTEBOOK], tmp_path, profile="course")[0].parameters["seed"] == 0
    with pytest.raises(InputError, match="student and seed: .*leave one of them out"):
        plan([NOTEBOOK], tmp_path, {"student": "Ada", "seed": 1}, profile="course")


@pytest.mark.parametrize("profile", [None, "course"])
def test_a_seed_in_a_file_of_parameters_is_refused_beside_a_student(tmp_path, profile):
    (tmp_path / "mine.yaml").write_text("seed: 5\n")
    (tmp_path / "name.yaml").write_text("student: Ada\n")
    files = [tmp_path / "mine.yaml", tmp_path / "name.yaml"]
    for given in ({"student": "Ada"}, {}):
        with pytest.raises(InputError, match="student and seed: .*leave one of them"):
            plan([NOTEBOOK], tmp_path, given, profile, files)
    (run,) = plan([NOTEBOOK], tmp_path, {"student": "Ada"}, "course", files[1:])
    assert "seed" not in run.parameters


def test_a_sweep_over_students(tmp_path):
    grid = tmp_path / "class.yaml"
    grid.write_text("student: [Ada Lovelace, Blaise Pascal]\n")
    runs = plan([NOTEBOOK], tmp_path, profile="smoke", grid=grid)
    assert [run.parameters["student"] for run in runs] == [
        "Ada Lovelace",
        "Blaise Pascal",
    ]
    assert not any("seed" in run.parameters for run in runs)


# === One folder, one student ===


def finished(run, name, student):
    results = Results(run, name, parameters={"student": student})
    results.dataset("phantom", {"test": 2}, seed=0)
    results.write()


def test_a_folder_of_another_student_is_refused(tmp_path):
    refuse_another(tmp_path / "new", "Ada")
    finished(tmp_path, "01_data", "Ada Lovelace")
    refuse_another(tmp_path, "ada lovelace ")
    for other, told in (("Blaise", "Blaise"), ("", "no student")):
        with pytest.raises(InputError) as refused:
            refuse_another(tmp_path, other)
        words = str(refused.value)
        assert words.startswith(f"{tmp_path / '01_data'}: holds the results of ada")
        assert f"this run is of {told}. Leave run_dir empty" in words


@pytest.mark.parametrize("content", ["", "[]", '{"parameters": 3}', "\xff"])
def test_what_cannot_be_read_is_nobodys(tmp_path, content):
    (tmp_path / "01_data").mkdir()
    (tmp_path / "01_data" / "results.json").write_text(content, encoding="latin-1")
    refuse_another(tmp_path, "Ada")


def test_older_results_are_of_no_student(tmp_path):
    (tmp_path / "01_data").mkdir()
    (tmp_path / "01_data" / "results.json").write_text(json.dumps({"parameters": {}}))
    refuse_another(tmp_path, "")


# === The reports that a seed draws ===


def test_reports_are_known_without_their_films(tmp_path):
    seed = student_seed("Ada Lovelace")
    write_phantom(tmp_path / "p", studies=3, seed=seed, size=32, progress=False)
    path = tmp_path / "p" / "indiana_reports.csv"
    written = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
    assert written == [drawn_report(seed, index) for index in range(3)]
    others = [drawn_report(student_seed("Blaise Pascal"), index) for index in range(3)]
    assert np.not_equal(*([o["findings"] for o in e] for e in (written, others))).all()
