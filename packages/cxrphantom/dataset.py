"""The phantom: a folder of drawn radiographs with reports and exact truth.

It has the layout of the real collection, and beside it `truth/`:

- `truth.csv`: a row per finding drawn (`uid, finding, side, region, degree,
  pattern, frontal_mask, lateral_mask`; the masks relative to `truth/`, empty where
  that view is missing or does not show it). A study on which nothing is drawn
  has one row, its finding `normal`.
- `lungs/<filename>`, `heart/<filename>`: masks of every image, 0 and 255.
- `findings/<uid>_<number>_<view>.png`: masks of the findings.

`phantom.json` marks the folder as drawn. It is written last: a folder without
it is unfinished, and the same call continues where the last one was killed.
"""

import collections
import dataclasses
import functools
import pathlib

import numpy as np
from tqdm.auto import tqdm

from cxrbase.files import InputError
from cxrbase.parallel import workers
from cxrphantom import folder
from cxrphantom.cases import read_case, sample_case
from cxrphantom.dice import choose
from cxrphantom.drawing.anatomy import sample_patient
from cxrphantom.drawing.study import draw_study
from cxrphantom.reports import grammar, phrases
from cxrphantom.reports.mesh import NO_INDEXING, NORMAL, is_known, problems, to_mesh

VERSION = 1  # Increase it when the same seed no longer gives the same folder.
WARNING = "PHANTOM: drawn by a program, not taken from patients."
# Every study has its own random streams, so that neither the
# number of processes nor the order of the studies changes anything.
STREAMS = ("case", "patient", "drawing", "text", "retakes")
SMALLEST_JOB = 12  # Fewer studies are drawn sooner than processes start.


def write_phantom(out, studies=300, seed=0, size=512, processes=None, progress=True):
    """Draw a phantom dataset with its reports into a folder.

    Args:
        out: string or `pathlib.Path`. A new or empty folder, or one that the
            same call left unfinished.
        studies: int. How many studies to draw.
        seed: int. The same seed gives the same folder.
        size: int. Side of the images in pixels, 32 or more.
        processes: int. How many processes draw; all cores by default.
        progress: bool. Whether to show a progress bar.

    Returns:
        The `pathlib.Path` of the folder.

    Raises:
        InputError: if `out` is a file or holds something else, or a number is
            out of range.

    Example:
    ```python
    write_phantom("data/phantom", studies=20, size=128)
    ```
    """
    note = _note(studies, seed, size, "grammar")
    jobs = [_Job(seed, index, size, str(index + 1)) for index in range(studies)]
    return _write(pathlib.Path(out), note, jobs, processes, progress)


def draw_from_reports(
    reports_csv,
    out,
    limit=None,
    seed=0,
    size=512,
    processes=None,
    progress=True,
):
    """Draw images for the studies of a real CSV and keep its texts.

    Phantom images with real texts: good for measuring, and marked as such in
    `phantom.json`. Terms without a picture are counted, summed up on the screen and
    listed in `unknown_terms.csv`.

    Args:
        reports_csv: string or `pathlib.Path`. An `indiana_reports.csv`.
        out: string or `pathlib.Path`. As in `write_phantom`.
        limit: int. Only the first studies, this many.
        seed: int. Decides the patients, and the places that terms do not give.
        size: int. Side of the images in pixels.
        processes: int. How many processes draw; all cores by default.
        progress: bool. Whether to show a progress bar and the summary.

    Returns:
        A pair of the folder's `pathlib.Path` and a `Counter` of the terms that
        are not drawn.

    Raises:
        InputError: as in `write_phantom`, or if the CSV is missing, lacks a
            column or repeats a uid.

    Example:
    ```python
    path, unknown = draw_from_reports("indiana_reports.csv", "data/mixed", limit=50)
    unknown.most_common(3)
    ```
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit={limit}: draw at least one study.")
    reports_csv = pathlib.Path(reports_csv)
    rows = folder.read_reports(reports_csv)[:limit]
    note = _note(len(rows), seed, size, f"real report CSV {reports_csv.name}")
    note["reports_sha256"] = folder.digest(reports_csv)
    jobs = [_Job(seed, i, size, row["uid"], row) for i, row in enumerate(rows)]
    terms = sum(len(row["MeSH"].split(";")) for row in rows if row["MeSH"] != NORMAL)
    unknown = collections.Counter()
    for row in rows:
        unknown.update(read_case(row["MeSH"], np.random.default_rng(0))[1])
    listed = [
        {"term": term, "count": count, "known": is_known(term)}
        for term, count in unknown.most_common()
    ]
    path = _write(pathlib.Path(out), note, jobs, processes, progress, listed)
    if progress and unknown:
        most = ", ".join(f"{term} ({n})" for term, n in unknown.most_common(5))
        print(
            f"{sum(unknown.values())} of {terms} terms other than normal have no "
            f"picture, {len(unknown)} different ones: {most} … All of them are in "
            f"{path / folder.UNKNOWN}."
        )
    return path, unknown


def drawn_report(seed, index):
    """Write the report of one study of `write_phantom`, without drawing its films.

    Args:
        seed: int. That of the phantom.
        index: int. The study's number, from 0; its uid is `str(index + 1)`.

    Returns:
        A dict of strings, a row of the phantom's reports: `uid`, `MeSH`, `findings`,
        `impression`, …

    Example:
    ```python
    drawn_report(0, 53)["impression"]  # Of the study of uid 54.
    ```
    """
    job = _Job(seed, index, 0, str(index + 1))
    return _report(job, sample_case(job.rng("case")))


@dataclasses.dataclass(frozen=True)
class _Job:
    """One study to be drawn; small, since it travels to another process."""

    seed: int
    index: int
    size: int
    uid: str
    row: dict | None = None  # Of a real CSV; its texts are kept.

    def rng(self, stream):
        return np.random.default_rng([self.seed, self.index, STREAMS.index(stream)])


def _note(studies, seed, size, texts):
    if studies < 1 or seed < 0 or size < 32:
        raise InputError(
            f"studies={studies}, seed={seed}, size={size}: a phantom needs at least "
            "1 study, a seed of 0 or more and a size of 32 pixels or more."
        )
    return {
        "phantom": True,
        "warning": WARNING,
        "generator": VERSION,
        "seed": seed,
        "studies": studies,
        "size": size,
        "texts": texts,
    }


def _write(out, note, jobs, processes, progress, unknown=None):
    with folder.claimed(out, note) as finished:
        if not finished:
            _draw_all(out, jobs, processes, progress)
            folder.publish(out, note, [job.uid for job in jobs], unknown)
    return out


def _draw_all(out, jobs, processes, progress):
    """Draw the studies that are not there yet."""
    left = [job for job in jobs if not folder.is_drawn(out, job.uid)]
    bar = tqdm(
        total=len(jobs),
        initial=len(jobs) - len(left),
        desc="Drawing PHANTOM studies",
        unit="study",
        disable=not progress,
    )
    draw = functools.partial(_draw, out)
    with bar, workers(draw, len(left), processes, SMALLEST_JOB) as each:
        for _ in each(left):
            bar.update()


def _draw(out, job):
    """Draw one study and write its images, masks and record."""
    rng = job.rng("case")
    case = sample_case(rng) if job.row is None else read_case(job.row["MeSH"], rng)[0]
    patient = sample_patient(job.rng("patient"))
    study = draw_study(patient, case.findings, size=job.size, rng=job.rng("drawing"))
    views = {"frontal": case.frontals, "lateral": case.laterals}
    truth = folder.write_findings(out, job.uid, case.findings, study, views)
    projections, retakes = [], job.rng("retakes")
    for number, (view, count) in enumerate(views.items(), 1):
        film = getattr(study, view)
        for take in range(1, count + 1):
            name = f"{job.uid}_IM-{job.index + 1:04d}-{number}00{take}.dcm.png"
            folder.write_masks(out, name, study.masks[view])
            image = film if take == 1 else _retake(film, retakes)
            folder.write_image(out, name, image)
            projections.append(
                {"uid": job.uid, "filename": name, "projection": view.capitalize()}
            )
    row = job.row or _report(job, case)
    folder.write_record(out, job.uid, row, projections, truth)


def _retake(film, rng):
    """Expose the film again: other exposure and noise, same patient and position."""
    film = film * rng.uniform(0.93, 1.05) + rng.normal(0, 2, film.shape)
    return np.clip(np.round(film), 0, 255).astype("uint8")


def _report(job, case):
    """Write the study's row of the reports; what is missing stays empty."""
    rng = job.rng("text")
    mesh = ";".join(to_mesh(finding) for finding in case.findings) or NORMAL
    mesh = mesh if case.indexed else NO_INDEXING
    texts = {
        "indication": grammar.indication_text(case.findings, rng),
        "comparison": choose(rng, phrases.COMPARISONS),
        "findings": grammar.findings_text(case.findings, rng),
        "impression": grammar.impression_text(case.findings, rng),
    }
    return {
        "uid": job.uid,
        "MeSH": mesh,
        "Problems": problems(mesh),
        "image": choose(rng, phrases.IMAGES),
        **{key: text if key in case.sections else "" for key, text in texts.items()},
    }
