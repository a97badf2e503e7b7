"""Recipes: what they refuse, and that all that is made from them agrees.

    python tests/test_recipes.py

writes the tables of `docs/recipes.md` anew.
"""

import dataclasses
import json
import pathlib
import pickle

import click
import numpy as np
import pytest
from click.testing import CliRunner

from coursework.pages.scores import marks, write_between_marks
from cxrbase.commands.options import options
from cxrbase.commands.recipes import Recipe, setting
from cxrbase.files import InputError
from cxrlib.__main__ import main
from cxrlib.systems.diagnosis.recipe import DiagnosisRecipe, FineTuneRecipe
from cxrlib.systems.lungs.recipe import LungRecipe
from cxrlib.systems.reports.recipe import (
    EncoderRecipe,
    ReportRecipe,
    ShippedRecipe,
    TextRecipe,
)

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "recipes.md"
COMMANDS = {
    "train": ReportRecipe,
    "train-lungs": LungRecipe,
    "pretrain-encoder": EncoderRecipe,
    "pretrain-text": TextRecipe,
    "pretrain-report": ShippedRecipe,
    "train-diagnosis": FineTuneRecipe,
}
RECIPES = (*COMMANDS.values(), DiagnosisRecipe)
# What a training of the reports and one of the lungs left behind before recipes.
OLD_REPORTS = {
    "epochs": 10, "seed": 0, "preset": "compact", "section": "impression",
    "batch_size": 16, "learning_rate": 0.001, "alpha": 1.0, "beta": 1.0, "gamma": 1.0,
    "delta": 1.0, "ssim_weight": 0.5, "skips": 5, "conditioning": "spatial",
    "sequence_length": 64, "vocabulary_size": 1000,
}  # fmt: skip
OLD_LUNGS = {"epochs": 1, "seed": 0, "pairs": 2, "learning_rate": 0.002, "gentle": 0.2}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy(Recipe):
    """One field of each kind."""

    steps: int = setting(3, "How many.", low=1, high=9)
    rate: float = setting(0.1, "How fast.", high=5, above=0)
    word: str = setting("a", "Which.", ("a", "b"))
    file: str = setting("auto", "From where.", defines=False)
    dry_run: bool = setting(False, "Only look.")


# === What is refused ===


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps=0: must be a whole number, 1 to 9."),
        ({"steps": 10}, "steps=10: must be a whole number, 1 to 9."),
        ({"steps": 2.0}, "steps=2.0: must be a whole number, 1 to 9."),
        ({"steps": True}, "steps=True: must be a whole number, 1 to 9."),
        ({"rate": -0.1}, "rate=-0.1: must be a number, more than 0, up to 5."),
        ({"rate": "0.1"}, "rate='0.1': must be a number, more than 0, up to 5."),
        ({"rate": float("nan")}, "rate=nan: must be a number, more than 0, up to 5."),
        ({"rate": float("inf")}, "rate=inf: must be a number, more than 0, up to 5."),
        ({"rate": 0}, "rate=0: must be a number, more than 0, up to 5."),
        ({"word": "c"}, "word='c': must be one of a, b."),
        ({"file": None}, "file=None: must be a text."),
        ({"dry_run": 1}, "dry_run=1: must be True or False."),
        ({"step": 3}, "step: Toy has steps, but no step."),
    ],
)
def test_what_is_refused_is_reported_in_one_line(values, message):
    for make in (Toy, lambda **changes: dataclasses.replace(Toy(), **changes)):
        with pytest.raises(InputError) as error:
            make(**values)
        assert str(error.value) == message


def test_a_training_in_which_nothing_counts_is_refused():
    with pytest.raises(InputError, match="are all 0"):
        ReportRecipe(alpha=0, beta=0, gamma=0, delta=0)
    assert ReportRecipe(alpha=0, beta=0, gamma=0).delta == 1


def test_what_is_allowed_is_kept():
    toy = Toy(rate=2, file=pathlib.Path("x"), dry_run=True, steps=9)
    assert (toy.steps, toy.rate, toy.word, toy.dry_run) == (9, 2, "a", True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        toy.steps = 1
    assert pickle.loads(pickle.dumps(toy)) == toy != Toy()


def test_settings_are_what_defines_a_training():
    assert Toy().settings() == {"steps": 3, "rate": 0.1, "word": "a", "dry_run": False}
    # What came later has a default under which an old training goes on.
    assert ReportRecipe().settings() == OLD_REPORTS | {"trainable_layers": 10}
    assert set(OLD_LUNGS) - {"pairs"} < set(LungRecipe().settings())


def test_a_notebook_picks_its_parameters():
    names = {"steps": 5, "word": "b", "pandas": np, "run_dir": ""}
    assert Toy.pick(names) == Toy(steps=5, word="b")
    with pytest.raises(InputError, match="word='z'"):
        Toy.pick(names | {"word": "z"})


# === What is made from them ===


def test_options_are_the_fields():
    @click.command()
    @options(Toy)
    def toy(**values):
        click.echo(repr(Toy(**values)))

    def call(*arguments):
        return CliRunner().invoke(toy, arguments).output.strip()

    assert call() == repr(Toy())
    given = ("--steps", "4", "--rate", "1", "--word", "b", "--dry-run", "--file", "x")
    assert call(*given) == repr(
        Toy(steps=4, rate=1.0, word="b", dry_run=True, file="x")
    )
    assert call("--no-dry-run") == repr(Toy())
    assert "1<=x<=9" in call("--steps", "0") and "'a', 'b'" in call("--word", "c")
    assert "How many.  [default: 3; 1<=x<=9]" in call("--help")
    assert "How fast.  [default: 0.1; 0<x<=5]" in call("--help")
    for rate in ("0", "nan", "inf", "-inf", "5.1"):
        assert "not in the range 0<x<=5" in call("--rate", rate)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_defaults_of_its_recipe(command):
    recipe = COMMANDS[command]
    parameters = {each.name: each for each in main.commands[command].params}
    for field in dataclasses.fields(recipe):
        assert parameters[field.name].default == field.default
        assert parameters[field.name].help == field.metadata["help"]


def test_choices_are_those_of_the_models():
    from cxrlib.models.conditioning import IMAGE_INPUTS
    from cxrlib.systems.reports.presets import PRESETS

    fields = {field.name: field for field in dataclasses.fields(ReportRecipe)}
    assert set(fields["preset"].metadata["choices"]) == set(PRESETS)
    assert set(fields["conditioning"].metadata["choices"]) == set(IMAGE_INPUTS)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.__name__)
def test_the_page_holds_its_table(recipe):
    begin, end = marks(recipe.__name__)
    table = f"{begin}\n{recipe.markdown()}\n{end}"
    assert table in PAGE.read_text(encoding="utf-8"), f"run python {__file__}"


# === Trainings that began before there were recipes ===


def test_an_old_training_of_the_lungs_is_taken_up(tmp_path, capsys):
    from cxrlib.systems.lungs.train import compile_lung_unet, fit_lung_unet
    from cxrlib.systems.lungs.unet import LungUNet

    model = compile_lung_unet(LungUNet(32, (4, 8)))
    for name in ("checkpoint-0001.keras", "model.keras"):
        model.save(tmp_path / name)
    (tmp_path / "settings.json").write_text(json.dumps(OLD_LUNGS))
    pairs = np.zeros((2, 32, 32), "uint8"), np.ones((2, 32, 32), "uint8")
    arguments = (model, pairs, pairs, tmp_path)
    # The file knows no batch size: then it was the default's.
    with pytest.raises(InputError, match="with batch_size=16, not 2"):
        fit_lung_unet(*arguments, epochs=1, batch_size=2)
    (tmp_path / "settings.json").write_text(json.dumps(OLD_LUNGS | {"batch_size": 2}))
    fit_lung_unet(*arguments, epochs=1, batch_size=2)
    assert "1 of 1 epochs are done" in capsys.readouterr().out


if __name__ == "__main__":
    for each in RECIPES:
        write_between_marks(PAGE, each.markdown(), each.__name__)
