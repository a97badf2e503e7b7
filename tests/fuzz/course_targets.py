"""What students hand in, and batches of notebooks, spoilt."""

import io
import shutil
import zipfile

from data_targets import Target
from handed_in import NAME, hand_in, write_rubric
from spoil import spoil_json, spoil_text, spoil_yaml, spoil_zip


class HandedIn(Target):
    """`grade` of two students, one of whom hands in what is spoilt."""

    name, names = "zips", ("case/", "rubric.yaml")

    def prepare(self):
        hand_in(self.good / "ada")
        write_rubric(self.good)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted((self.good / "ada" / NAME).iterdir()):
                archive.write(path, f"{NAME}/{path.name}")
        self.zip = packed.getvalue()

    def make(self, case, dice):
        shutil.copytree(self.good / "ada", case / "runs" / "ada")
        self.spoil(case / "runs", dice)
        return (
            *("grade", case / "runs", "--rubric", self.good / "rubric.yaml", "--out"),
            *(case / "grade.html", "--notebooks", self.good / "course", "--jobs", 1),
        )

    def spoil(self, runs, dice):
        """Write what the other student hands in."""
        content = self.zip if dice is None else spoil_zip(self.zip, dice)
        (runs / "bob.zip").write_bytes(content)

    def check(self, case, status, said):
        if status:
            return "one student has stopped the class"
        page = (case / "grade.html").read_text()
        if "alert(1)</script>" in page:
            return "markup came through"
        return "" if "ada" in page and "bob" in page else "a student is lost"


class Notebooks(HandedIn):
    """`grade` where one student's notebook or results are spoilt."""

    name = "notebooks"

    def spoil(self, runs, dice):
        folder = shutil.copytree(self.good / "ada" / NAME, runs / "bob" / NAME)
        if dice is not None:
            path = folder / dice.choice([f"{NAME}.ipynb"] * 2 + ["results.json"])
            path.write_bytes(spoil_json(path.read_text(), dice))


class Cards(HandedIn):
    """`card` and `scores` of a run whose files are spoilt."""

    name, names = "cards", ("run",)

    def make(self, case, dice):
        folder = shutil.copytree(self.good / "ada" / NAME, case / "run")
        if dice is not None:
            path = folder / dice.choice(["results.json"] * 3 + ["predictions.csv"])
            spoil = spoil_json if path.suffix == ".json" else spoil_text
            path.write_bytes(spoil(path.read_text(), dice))
            if dice.random() < 0.3:
                return "scores", folder
        return "card", folder

    def check(self, case, status, said):
        pages = [path.read_text() for path in (case / "run").glob("*.html")]
        return "markup came through" if "alert(1)</script>" in "".join(pages) else ""


class Batches(Target):
    """`run` with a spoilt notebook, profile or grid; nothing that is whole runs."""

    name, names = "batches", ("case/", "small")
    good_status = 1  # A parameter that is not there is refused, so that nothing runs.

    def prepare(self):
        from small_notebooks import notebook

        notebook(self.good, "small", "number = 1\nseed = 0", "print(number)")
        self.yaml = "number: 3\nseed: [0, 1]\n"

    def make(self, case, dice):
        path = case / "small.ipynb"
        path.write_text((self.good / "small.ipynb").read_text())
        grid = case / "grid.yaml"
        grid.write_text(self.yaml)
        if dice is not None:
            spoilt = dice.choice([path, grid])
            spoil = spoil_json if spoilt == path else spoil_yaml
            spoilt.write_bytes(spoil(spoilt.read_text(), dice))
        return "run", path, "--grid", grid, "--out", case / "out", "-p", "absent", "1"

    def check(self, case, status, said):
        return "" if status else "a parameter that is not there was taken"
