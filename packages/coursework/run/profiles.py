"""Profiles: the value of every parameter of the course, unless overridden."""

import pathlib
import textwrap

from coursework.course import notebooks_folder
from coursework.run.parameters import read_parameters, refuse_unknown, typed
from coursework.student.seeds import normal_name, student_seed
from cxrbase.refusals import InputError

PROFILES = ("smoke", "course", "full")
WHOLE = "course"  # It has a value for every parameter; the others say what differs.
# Texts that a profile may give where a notebook leaves them empty: who works, and
# where the data are.
TEXTS = ("student", "columns", "image_root", "lungs", "nih", "nih_weights")
TEXTS += ("real_reports",)


def profile_path(profile, folder=None):
    """The path of a profile.

    Args:
        profile: string or path. `"smoke"`, `"course"`, `"full"`, or a YAML file.
        folder: path or `None`. That of the notebooks, by default the course's own.

    Returns:
        A `pathlib.Path`, which need not exist.

    Raises:
        InputError: if it is one of the three, and there is no folder of notebooks.
    """
    if str(profile) not in PROFILES:
        return pathlib.Path(profile)
    folder = folder or notebooks_folder()
    if folder is None:
        raise InputError(f"profile {profile}: no notebooks/ here. Run in the checkout.")
    return pathlib.Path(folder) / "profiles" / f"{profile}.yaml"


def profile_values(profile):
    """Read a profile; what it leaves out is as in `course`.

    Args:
        profile: string or path, see `profile_path`.

    Returns:
        A dict, a parameter's name → its value.

    Raises:
        InputError: if there is no such profile, it cannot be read, or it names a
            parameter that `course` does not know or that is of another type there.

    Example:
    ```python
    profile_values("smoke")["epochs"]  # 1
    ```
    """
    path = profile_path(profile)
    if path.suffix not in (".yaml", ".yml"):
        known = ", ".join(f'"{name}"' for name in PROFILES)
        raise InputError(f"profile = {str(profile)!r}: say {known}, or a YAML file.")
    whole, own = (read_parameters(each) for each in (profile_path(WHOLE), path))
    kinds = _kinds(whole)
    refuse_unknown(set(own) - set(kinds), path, set(kinds))
    return whole | typed(own, kinds, path)


def _kinds(values):
    return dict.fromkeys(TEXTS, str) | {n: type(each) for n, each in values.items()}


def fill_in(names):
    """Give each parameter that is `None` the value of its profile.

    Where `student` is a name, the seed is that student's, see
    `coursework.student.seeds`, in place of the profile's.

    Args:
        names: dict, a notebook's `globals()`. Changed in place.

    Returns:
        `(chosen, said)`: a dict of all parameters that decide what a notebook computes,
        and a string that lists them for a reader.

    Raises:
        InputError: if there is no such profile, a parameter is of another type than
            the profile's value, or both `student` and `seed` are given.

    Example:
    ```python
    names = {"profile": "smoke", "epochs": None, "seed": 3}
    fill_in(names)  # names["epochs"] is 1
    ```
    """
    profile = names.get("profile", WHOLE)
    values = profile_values(profile)
    own = {name: names[name] for name in values if names.get(name) is not None}
    own = {n: each for n, each in own.items() if n not in TEXTS or each != ""}
    own = typed(own, _kinds(values), "The parameters")
    student = own.get("student", values.get("student", names.get("student", "")))
    if normal_name(student):
        if "seed" in own:
            raise InputError(
                f"student = {student!r} and seed = {own['seed']}: the seed follows "
                "from the name, so leave one of them out."
            )
        values["seed"] = student_seed(student)
    chosen = {name: own.get(name, values[name]) for name in values if name in names}
    names.update(chosen)
    said = [f"profile {profile}: {_listed(chosen)}"]
    if normal_name(student):
        seed = values["seed"]
        said.append(f"student {student}: seed {seed} of phantom, split and training")
    if changed := {name: own[name] for name in own if own[name] != values[name]}:
        said.append(f"instead of the profile's: {_listed(changed)}")
    text = "\n".join(textwrap.fill(line, 88, subsequent_indent="  ") for line in said)
    besides = {name: names[name] for name in (*TEXTS, "pretrained") if name in names}
    return {"profile": str(profile), **chosen, **besides}, text


def _listed(values):
    return ", ".join(f"{name} {value}" for name, value in values.items())
