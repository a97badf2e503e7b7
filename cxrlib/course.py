"""What notebooks call: `start()`, `course_data()` or `course_films()`, `finish()`."""

import pathlib

from coursework.results import Results
from coursework.run.profiles import fill_in
from coursework.student.seeds import refuse_another, run_name
from cxrbase.hosted.drive import bring_back, keep_folder, keep_results
from cxrbase.hosts import off_drive
from cxrlib.environment import setup

__all__ = ["course_data", "course_films", "draw_phantom", "finish", "start"]


def start(notebook, names):
    """Begin a notebook: its parameters, its folders, its seeds, its record.

    A parameter that is `None` gets the value of the profile `names["profile"]`, see
    `notebooks/profiles/`. Any other value is an override and stays.

    Args:
        notebook: string. The notebook's name without suffix, `"07_multitask"`.
        names: dict, `globals()`. Parameters in it that are `None` are filled in.

    Returns:
        A `Results` to collect scores in. Its `run` is the folder of the run, by default
        `outputs/<profile>`, or `outputs/<profile>-<student>` where a student is named;
        its `folder` is the notebook's own in it.

    Raises:
        InputError: if there is no such profile, an override is of another type than
            the profile's value, or the folder holds another student's results.

    Example:
    ```python
    profile, epochs, seed = "smoke", None, 3
    results = start("07_multitask", globals())  # epochs is 1, seed stays 3
    ```
    """
    values, said = fill_in(names)
    environment = setup(
        names.get("seed", 0),
        names.get("mixed_precision", "auto"),
        keep_on_drive=names.get("keep_on_drive"),
    )
    print(said)
    student = values.get("student", "")
    name = run_name(pathlib.Path(values["profile"]).stem, student)
    run = pathlib.Path(names.get("run_dir") or environment.outputs / name)
    refuse_another(run, student)
    return Results(run, notebook, environment, values)


def finish(results, answers, card=False):
    """End a notebook: write its record with the answers, and pack it for handing in.

    A line for each answer says whether it has the form that is asked for.
    With `keep_on_drive` its results are then copied to Google Drive.

    Args:
        results: what `start` returned.
        answers: dict from the number of an exercise, `"1"`, `"2"`, …, to its answer.
        card: bool. Whether a model card goes beside the record.

    Raises:
        InputError: if an answer is neither a number nor a text, or the record is
            incomplete, see `coursework.results.Results.write`.

    Example:
    ```python
    finish(results, {"1": answer_1, "2": answer_2, "3": answer_3})
    ```
    """
    results.answers(answers)
    for number, answer in answers.items():
        results.check(number, answer)
    print(results.write())
    if card:
        from coursework.card.card import write_model_card

        print(*write_model_card(results.folder), sep="\n")
    print(results.pack())
    keep_results(results.folder)


def draw_phantom(out=None, studies=300, seed=0, size=512):
    """Draw a phantom data set, and say loudly that it is one.

    It continues where a killed call stopped, and does nothing if all is there.

    Args:
        out: string, path or `None`. The folder, by default
            `data/phantom-<studies>x<size>-seed<seed>`. On Google Drive thousands of
            small files would be slow, so there it is below `/content` instead.
        studies: int. How many.
        seed: int.
        size: int. The side of an image, in pixels.

    Returns:
        The `pathlib.Path` of the folder.

    Example:
    ```python
    find_dataset("", draw=lambda: draw_phantom("outputs/course/phantom"))
    ```
    """
    from cxrphantom.dataset import write_phantom

    out = off_drive(out or f"data/phantom-{studies}x{size}-seed{seed}")
    line = "=" * 72
    print(
        f"{line}\nPHANTOM: the radiographs are DRAWN, not taken from patients.\n"
        f"{studies} studies, seed {seed}, in {out}. No score computed on them says\n"
        "anything about real patients. For real data give a path or set $CXR_DATA.\n"
        f"{line}"
    )
    bring_back(out)
    write_phantom(out, studies=studies, seed=seed, size=size)
    keep_folder(out)
    return out


def course_data(results):
    """Find, clean, split and prepare the studies as `01_data` does, step by step.

    What an earlier notebook of the same run has left is reused. The record notes what
    the scores will rest on.

    Args:
        results: what `start` returned. These of its parameters are used: `data`,
            `studies`, `phantom_size`, `seed` (of the phantom and the split),
            `image_size`, `test_share` (val gets a tenth), `crop`, `columns` and
            `image_root`.

    Returns:
        The path of the prepared folder, `results.run / "prepared"`.

    Raises:
        InputError: if there is no such dataset, or it has no usable study.

    Example:
    ```python
    prepared = course_data(start("07_multitask", globals()))
    ```
    """
    from cxrbase.grounds import source_ground
    from cxrlib.data.prepare import prepare, read_manifest
    from cxrlib.data.sources import find_dataset
    from cxrlib.data.studies import funnel, load_studies
    from cxrlib.systems.lungs.crop import crop_options

    chosen, run = results.record["parameters"], results.run
    studies, seed, size = (chosen[n] for n in ("studies", "seed", "phantom_size"))
    dataset = find_dataset(
        chosen["data"],
        columns=chosen.get("columns", ""),
        image_root=chosen.get("image_root", ""),
        studies=studies,
        seed=seed,
        draw=lambda: draw_phantom(run / "phantom", studies, seed, size),
    )
    kept, _ = funnel(load_studies(dataset))
    test_share, prepared = chosen["test_share"], run / "prepared"
    bring_back(prepared)
    prepare(
        kept,
        prepared,
        size=chosen["image_size"],
        fractions=(0.9 - test_share, 0.1, test_share),
        seed=seed,
        progress=False,
        **crop_options(chosen.get("crop", "none")),
    )
    keep_folder(prepared)
    manifest = read_manifest(prepared)
    source = manifest["source"]
    results.dataset(
        source_ground(source),
        manifest["counts"],
        (source.get("phantom") or {}).get("seed"),
        fingerprint=source["fingerprint"],
        split_by=manifest["split"]["by"],
        image_size=manifest["size"],
    )
    return prepared


def course_films(results):
    """The films of the run's phantom, with what was drawn on them as labels.

    They are phantoms whatever else the run rests on: their labels are the truth. A
    study that `course_data` keeps has its split; the others, which lack a lateral, a
    report or a class, are split in the same shares. What has no frontal is left out.
    The record notes what the scores will rest on.

    Args:
        results: what `start` returned. These of its parameters are used: `studies`,
            `phantom_size`, `seed` and `test_share`.

    Returns:
        A DataFrame, see `cxrlib.data.readers.labelled.read_labelled`, with `split` and
        `prepared`: whether `course_data` keeps the study.

    Example:
    ```python
    films = course_films(start("10_diagnosis", globals()))
    frontals = films[films["view"].isin(FRONTAL)]
    ```
    """
    import hashlib

    import pandas as pd

    from cxrbase.layout import PHANTOM_NOTE
    from cxrlib.data.readers.films import FRONTAL
    from cxrlib.data.readers.indiana import describe_folder
    from cxrlib.data.readers.labelled import read_labelled, split_films
    from cxrlib.data.splits import split_studies
    from cxrlib.data.studies import funnel, load_studies

    chosen = results.record["parameters"]
    studies, seed, size = (chosen[n] for n in ("studies", "seed", "phantom_size"))
    folder = draw_phantom(results.run / "phantom", studies, seed, size)
    shares = 0.9 - chosen["test_share"], 0.1, chosen["test_share"]
    kept, _ = funnel(load_studies(describe_folder(folder)))
    films = read_labelled(folder)
    frontals = films[films["view"].isin(FRONTAL)].drop_duplicates("study")
    films = films[films.study.isin(frontals.study)].reset_index(drop=True)
    films["prepared"] = films.study.isin(kept.uid)
    others = frontals[~frontals.study.isin(kept.uid)]
    split = pd.concat(
        [
            split_studies(kept, shares, seed).set_index("uid").split,
            split_films(others, shares, seed).set_index("study").split,
        ]
    )
    films["split"] = films.study.map(split)
    counts = films.drop_duplicates("study").split.value_counts()
    note = hashlib.sha256((folder / PHANTOM_NOTE).read_bytes()).hexdigest()
    results.dataset("phantom", counts, seed, fingerprint=note[:16], split_by="patient")
    return films
