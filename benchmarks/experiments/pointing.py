"""Do a trained model's heat maps lie on the findings of phantom studies?

For each finding: the map of the classifier, and of the word that names the finding
where the model's own report does. Beside both a uniform map, one that points to the
middle, and those of the other studies with the same finding.

    python benchmarks/experiments/pointing.py model.keras PHANTOM [--prepared FOLDER]
"""

import pathlib

import click
import numpy as np
import pandas as pd

from cxrlib.data.readers.indiana import describe_folder
from cxrlib.data.studies import funnel, load_studies
from cxrlib.explain.heatmaps import classifier_cam, upsample, word_cam
from cxrlib.systems.files import load_model
from cxrlib.systems.reports.model import ReportModel
from cxrlib.systems.reports.predict import VIEWS, load_view
from cxrphantom.folder import read_finding_masks
from cxrscore.masks.pointing import pointing_figures
from cxrscore.tables import interval_of

# The first word that could not have been another: after "pleural", "effusion" is
# grammar, and needs no image.
NAMED_BY = {
    "cardiomegaly": ("cardiomegaly", "enlarged", "enlargement"),
    "pleural_effusion": ("pleural", "effusion", "effusions"),
    "atelectasis": ("atelectasis",),
    "consolidation": ("consolidation", "airspace"),
    "opacity": ("opacity", "opacities"),
    "nodule": ("nodule", "nodules"),
    "calcified_granuloma": ("calcified", "granuloma", "granulomas"),
    "pneumothorax": ("pneumothorax", "pneumothoraces"),
    "edema": ("edema",),
    "hyperinflation": ("hyperinflated", "hyperexpanded", "hyperinflation"),
    "scarring": ("scarring",),
    "spine_degeneration": ("degenerative", "spondylosis"),
    "fracture": ("fracture", "fractures"),
    "hiatal_hernia": ("hernia",),
    "pacemaker": ("pacemaker", "pacing"),
    "catheter": ("central", "catheter"),
}
DENIALS = ("no", "without")
BASELINES = {"constant": "uniform", "centre": "centre", "shuffled": "others'"}


def choose(phantom, prepared, limit):
    """The studies to point at: the test split of a prepared folder, or all."""
    studies, _ = funnel(load_studies(describe_folder(phantom)))
    if prepared:
        table = pd.read_csv(pathlib.Path(prepared) / "studies.csv", dtype=str)
        studies = studies[
            studies.uid.astype(str).isin(table.uid[table.split == "test"])
        ]
    return studies[:limit].reset_index(drop=True)


def place_of(report, words):
    """Place in `report.split()` of the first word that states the finding."""
    denied = False
    for place, word in enumerate(report.split()):
        plain = word.strip(".,").lower()
        denied = denied or plain in DENIALS
        if plain in words and not denied:
            return place
        denied = denied and not word.endswith(".")
    return None


def say(finding, of, cams, masks, tolerance):
    """Print one row: both games, beside maps that saw nothing."""
    cells = [finding, of, str(len(masks))]
    scores = pointing_figures(upsample(cams, masks.shape[-1]), masks, tolerance)
    for record in scores.values():
        cells.append(f"{record['value']:.3f} [{interval_of(record)}]")
        cells += [f"{record[name]:.3f}" for name in BASELINES]
    click.echo("| " + " | ".join(cells) + " |")


@click.command()
@click.argument("model")
@click.argument("phantom")
@click.option("--prepared", help="Point at the test split of this prepared folder.")
@click.option("--limit", type=int, help="The most studies.")
@click.option("--tolerance", default=15, show_default=True, help="Pixels, of a hit.")
@click.option("--least", default=10, show_default=True, help="Studies per finding.")
def main(model, phantom, prepared, limit, tolerance, least):
    """Print the pointing game of every finding."""
    model = load_model(model, ReportModel)
    if model.origin.get("crop", "none") != "none":
        raise click.ClickException("The model reads crops; the masks are of the whole.")
    studies = choose(phantom, prepared, limit)
    images = {
        view: np.concatenate([load_view(path, model) for path in studies[view]])
        for view in VIEWS
    }
    reports, seen = model.generate(images, return_imaging=True)
    maps = seen["maps"]
    cams = classifier_cam(model.imaging, {"maps": maps})
    masks = read_finding_masks(phantom)
    masks = [masks.get(str(uid), {}) for uid in studies.uid]
    rows = [i for i, each in enumerate(masks) if each]
    outlines = np.stack([np.any(list(masks[i].values()), axis=0) for i in rows])
    click.echo(
        f"{len(studies)} studies, maps of {cams.shape[-1]}², masks of "
        f"{outlines.shape[-1]}², hits up to {tolerance} pixels beside the finding\n"
    )
    head = ["finding", "map of", "n"]
    for game in ("share on it", "hit"):
        head += [game, *BASELINES.values()]
    click.echo("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    say("any", "classifier", cams[rows], outlines, tolerance)
    for finding, words in NAMED_BY.items():
        rows = [i for i, each in enumerate(masks) if finding in each]
        if len(rows) < least:
            continue
        outlines = np.stack([masks[i][finding] for i in rows])
        say(finding, "classifier", cams[rows], outlines, tolerance)
        places = [place_of(reports[i], words) for i in rows]
        named = [i for i, place in enumerate(places) if place is not None]
        if len(named) < least or model.causal_lm.backbone.image_input is None:
            continue
        rows, outlines = np.array(rows)[named], outlines[named]
        say(finding, "classifier, where named", cams[rows], outlines, tolerance)
        texts, at = [reports[i] for i in rows], [places[i] for i in named]
        found = word_cam(model, {"maps": maps[rows]}, texts, at)
        say(finding, "word", found, outlines, tolerance)


if __name__ == "__main__":
    main()
