"""What to run, as plain data: notebooks, parameters, the points of a grid."""

import dataclasses
import pathlib
import re

from coursework.course import notebooks_folder, numbered
from coursework.run.defaults import FREE, plain
from coursework.run.grid import grid_words, point_names
from coursework.run.parameters import (
    known_parameters,
    parameter_kinds,
    parameter_words,
    read_parameters,
    refuse_unknown,
    typed,
)
from coursework.run.profiles import PROFILES, WHOLE, profile_path
from cxrbase.files import InputError


@dataclasses.dataclass(frozen=True)
class Run:
    """One notebook, its parameters and where its files go.

    It is plain data, so that any executor (this machine's process pool, a cluster)
    can carry it out, wherever it sees the same folders.

    Args:
        notebook: `pathlib.Path`. The notebook to run.
        out: `pathlib.Path`. The folder that it shares with the notebooks that read
            what it leaves: the batch's, or that of its point in a grid.
        parameters: dict of scalars.
        point: dict of scalars. Those of the parameters that make its point.
        after: tuple of strings. The labels of runs that must have ended before,
            successfully or not.

    Example:
    ```python
    Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60})
    ```
    """

    notebook: pathlib.Path
    out: pathlib.Path
    parameters: dict = dataclasses.field(default_factory=dict)
    point: dict = dataclasses.field(default_factory=dict)
    after: tuple = ()

    def __post_init__(self):
        for name, kind in (("notebook", pathlib.Path), ("out", pathlib.Path)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        object.__setattr__(self, "after", tuple(self.after))

    @property
    def name(self):
        """The notebook's name without suffix."""
        return self.notebook.stem

    @property
    def folder(self):
        """The folder of the executed copy, `status.json` and the results."""
        return self.out / self.name

    @property
    def copy(self):
        """The executed notebook."""
        return self.folder / self.notebook.name

    @property
    def label(self):
        """Its name in the batch, `seed=1/07_multitask` in a grid."""
        return f"{self.out.name}/{self.name}" if self.point else self.name

    def as_dict(self):
        """The run in JSON's own types, for another process; `Run(**…)` restores it."""
        places = {"notebook": str(self.notebook), "out": str(self.out)}
        return dataclasses.asdict(self) | places


def course_notebooks():
    """The numbered notebooks of the course, in their order.

    Returns:
        A list of `pathlib.Path`.

    Raises:
        InputError: if there are none.

    Example:
    ```python
    run_notebooks(course_notebooks(), "outputs/course", profile="course")
    ```
    """
    folder = notebooks_folder()
    if folder is None:
        raise InputError("No notebooks/ here: name the notebooks to run.")
    return numbered(folder)


def plan(notebooks, out, parameters=None, profile=None, files=(), grid=None):
    """Turn notebooks and parameters into runs, checked before anything starts.

    Profile, files and grid serve several notebooks, so each takes the parameters that
    it knows. A parameter given by hand or by a grid must be known to at least one
    notebook.

    A value gets the type of the notebook's default, or is refused: `prompt: No` and
    `-p prompt No` are the text "No" where the notebook says `prompt = "Yes"`.

    Notebooks with a parameter `run_dir` read what the others left there, so those of
    one folder run one after another, in the order of their numbers. The points of a
    grid, and notebooks without a `run_dir`, need not wait for one another.

    Args:
        notebooks: sequence of paths.
        out: string or `pathlib.Path`. The folder of the batch.
        parameters: dict of scalars; of `coursework.run.defaults.Word`, what was
            written without quotes. They take precedence over the files', a grid's over
            all.
        profile: string, path or `None`. `"smoke"`, `"course"`, `"full"` (in the folder
            `profiles` beside the notebooks or one above), or a YAML file.
        files: sequence of paths. YAML files of parameters; a later one wins.
        grid: path or `None`. See `coursework.run.grid.read_grid`.

    Returns:
        A list of `Run`.

    Raises:
        InputError: for a notebook or a parameter that does not exist, a value of
            another type than the notebook's default, or two notebooks of one name.

    Example:
    ```python
    plan(["notebooks/01_data.ipynb"], "outputs/demo", profile="smoke")
    ```
    """
    notebooks = sorted(map(pathlib.Path, notebooks), key=_number)
    if not notebooks:
        raise InputError("No notebook to run: name one or more.")
    names = [path.stem for path in notebooks]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two notebooks are called {name}: rename one.")
    known = {path: _kinds(path) for path in notebooks}
    by_hand = dict(parameters or {})
    if profile_path(WHOLE, _home(notebooks[0])).is_file():  # Else it is their own.
        profile = str(by_hand.pop("profile", profile or "")) or None
    points = grid_words(grid) if grid else [{}]
    here, those = set().union(*known.values()), ", ".join(names)
    refuse_unknown(set(by_hand) - here, those, here)
    refuse_unknown(set().union(*points) - here, f"{grid}, for {those}", here)
    if "profile" in set().union(*points):
        raise InputError(f"{grid}: a profile is chosen with --profile, not in a grid.")
    given = _shared(notebooks, profile, files)
    if profile:
        place = profile if profile in PROFILES else pathlib.Path(profile).resolve()
        given["profile"] = str(place), ""
    given |= {name: (value, "") for name, value in by_hand.items()}
    _leave_the_seed(given, [by_hand, *points], files)
    out, runs = pathlib.Path(out), []
    for name, point in zip(point_names(plain(points)), points, strict=True):
        values = given | {name: (value, grid) for name, value in point.items()}
        runs += _runs_of_one_folder(known, out / name, values, plain(point))
    return runs


def _leave_the_seed(given, by_hand, files):
    """Where a student is named, leave the seed to the notebook, which derives it.

    That of a profile gives way; one that somebody chose is refused.
    """
    texts = [given.get("student", ("", ""))[0], *(e.get("student") for e in by_hand)]
    if not any(str(text or "").strip() for text in texts):
        return
    if any("seed" in each for each in by_hand) or (
        given.get("seed", ("", ""))[1] in [file for file in files if file]
    ):
        raise InputError(
            "student and seed: the seed follows from the name; leave one of them out."
        )
    given.pop("seed", None)


def _number(path):
    """The number and letter that a name begins with; without one it comes last."""
    number = re.match(r"(\d+)([a-z]?)", path.stem)
    return (int(number[1]), number[2]) if number else (float("inf"), "")


def _kinds(notebook):
    """As `parameter_kinds`; a `None` has the kind of the profile's value."""
    kinds = parameter_kinds(notebook)
    whole = profile_path(WHOLE, _home(notebook))
    if "profile" in kinds and whole.is_file():
        values = read_parameters(whole)
        kinds |= {n: type(values[n]) for n in values if kinds.get(n, str) is FREE}
    return kinds


def _home(notebook):
    """The folder of the notebooks, one above that of the solutions."""
    here = notebook.parent
    return here if (here / "profiles").is_dir() else here.parent


def _shared(notebooks, profile, files):
    """Name → value and file, from profile and files; each known to a notebook."""
    folders = {path.parent for path in notebooks}
    if profile in PROFILES:
        home = _home(notebooks[0])
        folders.add(home)
        profile = profile_path(profile, home)
    files = [profile, *files] if profile else files
    if not files:
        return {}
    neighbours = {each for folder in folders for each in folder.glob("*.ipynb")}
    anywhere = set().union(*map(known_parameters, neighbours | set(notebooks)))
    shared = {}
    for file in files:
        content = parameter_words(file)
        if "profile" in content:
            raise InputError(f"{file}: a profile is chosen with --profile, not here.")
        refuse_unknown(set(content) - anywhere, file, anywhere)
        shared |= {name: (value, file) for name, value in content.items()}
    return shared


def _runs_of_one_folder(known, out, values, point):
    runs, before = [], ()
    for path, kinds in known.items():
        own = {}
        for name, (value, where) in values.items():
            own |= typed(
                {name: value},
                kinds,
                f"{where}, for {path.stem}" if where else path.stem,
            )
        run = Run(path, out, own, point)
        if "run_dir" in kinds:
            # Results go where the page looks for them, unless a parameter says
            # otherwise.
            own.setdefault("run_dir", str(out.resolve()))
            run = dataclasses.replace(run, after=before)
            before += (run.label,)
        runs.append(run)
    return runs
