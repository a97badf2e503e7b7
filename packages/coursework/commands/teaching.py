"""The command line of what students are given."""

import click

from cxrbase.commands.options import PATH


@click.command()
@click.argument("out", type=PATH)
@click.option(
    "--for-students",
    is_flag=True,
    help="Leave out solutions, tests and the answers of the rubric.",
)
def release(out, for_students):
    """Write a copy of the course to OUT, a new folder or a .zip, without git's history.

    Name it course.zip, and the notebooks' first cell finds it on Colab and Kaggle.
    """
    from coursework.handout.release import write_release

    count = write_release(out, for_students)
    whose = "for students, without answers" if for_students else "WITH ALL ANSWERS"
    click.echo(f"{count:,} files {whose}: {out}")


@click.group()
def checkpoints():
    """Trained models of a run in one zip, for those who have no time to train."""


@checkpoints.command()
@click.argument("run_dir", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--only", multiple=True, help="A notebook, such as 07_multitask. May be repeated."
)
def pack(run_dir, out, only):
    """Pack the trained models of RUN_DIR, such as outputs/course, into the zip OUT."""
    from coursework.handout.checkpoints import pack_checkpoints

    for name, size in pack_checkpoints(run_dir, out, only).items():
        click.echo(f"{size / 1e6:8.1f} MB  {name}")
    click.echo(f"Written: {out}, {out.stat().st_size / 1e6:.0f} MB")


@checkpoints.command()
@click.argument("archive", type=PATH)
@click.argument("run_dir", type=PATH)
def unpack(archive, run_dir):
    """Unpack ARCHIVE into RUN_DIR, where the notebooks look for trained models."""
    from coursework.handout.checkpoints import unpack_checkpoints

    for name, done in unpack_checkpoints(archive, run_dir).items():
        click.echo(f"{'written' if done else 'left as it is'}: {run_dir / name}")
