"""The command line of the reports: phantom, prepare, train, evaluate, report."""

import importlib
import json
import pathlib

import click

from cxrbase.commands.options import PATH, PROCESSES, SEED, SIZE, Number, options
from cxrlib.commands.group import KerasCommand
from cxrlib.commands.lungs import LUNG_MODEL
from cxrlib.systems.reports.recipe import ReportRecipe


@click.command()
@click.argument("out", type=PATH)
@click.option(
    "--studies",
    type=click.IntRange(1, 1_000_000),
    help="How many to draw: 300, or all reports.",
)
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--size", type=SIZE, default=512, show_default=True, help="Side in pixels."
)
@click.option(
    "--from-reports",
    type=PATH,
    help="Draw the MeSH terms of a real indiana_reports.csv and keep its texts.",
)
def phantom(out, studies, seed, size, from_reports):
    """Draw a phantom dataset with exact truth into the folder OUT."""
    from cxrphantom.dataset import draw_from_reports, write_phantom

    if from_reports:
        draw_from_reports(from_reports, out, limit=studies, seed=seed, size=size)
    else:
        write_phantom(
            out, studies=300 if studies is None else studies, seed=seed, size=size
        )
    click.echo(f"PHANTOM dataset in {out}")


def multiple_of_32(context, parameter, size):
    """Refuse what the encoder cannot halve five times."""
    if size % 32:
        raise click.BadParameter(f"{size}: must be a multiple of 32.")
    return size


def sum_to_1(context, parameter, shares):
    """Refuse shares that do not sum to 1."""
    if abs(sum(shares) - 1) > 1e-6:
        raise click.BadParameter(f"{shares}: must sum to 1, not to {sum(shares):g}.")
    return shares


SHARE = Number(0, 1)
SAMPLERS = click.Choice(["greedy", "top_k", "top_p", "beam"])


@click.command()
@click.argument("out", type=PATH)
@click.option("--data", default="", help="Folder or CSV; looked for when left out.")
@click.option("--image-root", help="Folder that a CSV's image paths start from.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Name of a CSV's column, such as report=notes. May be repeated.",
)
@click.option(
    "--size",
    type=SIZE,
    default=224,
    show_default=True,
    callback=multiple_of_32,
    help="Side in pixels, a multiple of 32.",
)
@click.option("--fit", type=click.Choice(["stretch", "pad"]), default="stretch")
@click.option(
    "--crop",
    type=click.Choice(["none", "lungs"]),
    default="none",
    show_default=True,
    help="Crop of frontal views; one without a plausible lung mask stays whole.",
)
@LUNG_MODEL
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of split and phantom."
)
@click.option(
    "--split",
    "fractions",
    type=(SHARE, SHARE, SHARE),
    default=(0.8, 0.1, 0.1),
    show_default=True,
    callback=sum_to_1,
    help="Shares of train, val and test, each 0 to 1, together 1.",
)
@click.option(
    "--processes",
    type=PROCESSES,
    help="How many decode at once; by default one per core.",
)
@click.option(
    "--memory-map", is_flag=True, help="For training without TensorFlow: no TFRecords."
)
def prepare(
    out,
    data,
    image_root,
    columns,
    size,
    fit,
    crop,
    lung_model,
    seed,
    fractions,
    processes,
    memory_map,
):
    """Clean, split, decode and resize a dataset into shards in the folder OUT."""
    from cxrlib.course import draw_phantom
    from cxrlib.data.prepare import prepare as write_shards
    from cxrlib.data.sources import find_dataset
    from cxrlib.data.studies import funnel, funnel_markdown, load_studies
    from cxrlib.environment import quiet
    from cxrlib.systems.lungs.crop import crop_options

    dataset = find_dataset(
        data,
        columns=columns,
        image_root=image_root,
        seed=seed,
        draw=lambda: draw_phantom(None, seed=seed),
    )
    kept, table = funnel(load_studies(dataset))
    click.echo(funnel_markdown(kept, table))
    if lung_model and crop == "none":
        click.echo("--lung-model is not used: nothing is cropped without --crop lungs.")
    options = {"fractions": fractions, "seed": seed, "processes": processes}
    options |= crop_options(crop, lung_model)
    if not memory_map:  # Which needs no TensorFlow.
        with quiet():
            importlib.import_module("tensorflow")
    write_shards(kept, out, size=size, fit=fit, memory_map=memory_map, **options)


@click.command(cls=KerasCommand)
@click.argument("prepared", type=PATH)
@click.argument("out", type=PATH)
@options(ReportRecipe)
@click.option("--resume/--no-resume", default=True, help="Resume the training in OUT.")
def train(prepared, out, resume, **values):
    """Train on the folder PREPARED; the best model goes to OUT/model.keras."""
    from cxrlib.environment import setup
    from cxrlib.systems.reports.train import train_report_model

    recipe = ReportRecipe(**values)
    setup(recipe.seed)
    train_report_model(prepared, out, recipe, resume)
    click.echo(f"Best epoch: {out / 'model.keras'}; losses: {out / 'history.csv'}")


@click.command(cls=KerasCommand)
@click.argument("model")
@click.argument("prepared", type=PATH)
@click.argument("out", type=PATH)
@click.option("--split", default="test", show_default=True)
@click.option("--sampler", type=SAMPLERS, default="greedy", show_default=True)
def evaluate(model, prepared, out, split, sampler):
    """Predict a split of PREPARED with MODEL; scores and predictions go to OUT."""
    from coursework.results import Results
    from cxrlib.environment import setup
    from cxrlib.systems.reports.predict import predict_split
    from cxrlib.systems.reports.shipped import load_report_model
    from cxrlib.systems.reports.train import evaluate_model
    from cxrscore.tables import hanging, scores_text, terminal_width

    environment = setup(verbose=False)  # First: it sets the precision.
    trained = load_report_model(model)
    chosen = {"split": split, "sampler": sampler, "model": str(model)}
    results = Results(out.parent, out.name, environment, chosen)
    predictions, _ = predict_split(trained, prepared, split, sampler)
    evaluate_model(results, trained, prepared, predictions, split)
    path = results.write()
    click.echo(scores_text(results.record["metrics"], terminal_width()))
    for warning in results.record["warnings"]:
        click.echo("\n".join(hanging("WARNING", warning, terminal_width())))
    click.echo(f"Written: {path}")


@click.command(cls=KerasCommand)
@click.option("--frontal", required=True, type=PATH)
@click.option("--lateral", type=PATH)
@click.option(
    "--model",
    default="phantom-report",
    show_default=True,
    help="A .keras file, or the model that comes with the course.",
)
@click.option("--sampler", type=SAMPLERS, default="greedy", show_default=True)
@click.option("--prompt", default="", help="How the report begins, such as No.")
@LUNG_MODEL
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--reconstructions",
    type=PATH,
    help="Folder for the reconstructed views as PNG; outputs/report/<FRONTAL's name>.",
)
def report(
    frontal, lateral, model, sampler, prompt, lung_model, as_json, reconstructions
):
    """Write the report of one study: a frontal and, if there is one, a lateral."""
    from cxrlib.systems.reports.predict import write_report
    from cxrlib.systems.reports.shipped import load_report_model

    answer = write_report(
        load_report_model(model), frontal, lateral, sampler, prompt, lung_model
    )
    images = answer.pop("images")
    if not as_json:  # Before anything is written, which may fail.
        click.echo(f"Report: {answer['report']}")
        click.echo(
            f"Label: {answer['label']} (probability of abnormal "
            f"{answer['abnormal_probability']:.2f}, threshold "
            f"{answer['threshold']:.2f})"
        )
        click.echo("\n".join(answer["notes"]))
    folder = reconstructions or pathlib.Path("outputs/report") / frontal.stem
    answer["files"] = save_reconstructions(images, folder)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo("\n".join(["Reconstructions:", *answer["files"]]))


def save_reconstructions(images, folder):
    """Write the reconstructed views as PNG; return their paths."""
    from cxrbase.images import write_png

    paths = []
    for name, image in images.items():
        if name.endswith("_reconstruction"):
            paths.append(str(folder / f"{name}.png"))
            write_png(paths[-1], image)
    return paths
