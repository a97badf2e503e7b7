"""The command line: a thin face over the functions that the notebooks call."""

import os

# Before TensorFlow is loaded: its lines on CUDA do not concern users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click

import cxrlib
from coursework.commands.teaching import checkpoints, release
from coursework.commands.work import card, grade, run, scores, site
from cxrbase.commands.group import Commands
from cxrlib.commands.diagnosis import diagnose
from cxrlib.commands.lungs import segment, train_lungs
from cxrlib.commands.pretrain import (
    pretrain_encoder,
    pretrain_report,
    pretrain_text,
)
from cxrlib.commands.serve import serve
from cxrlib.commands.train_diagnosis import train_diagnosis
from cxrlib.commands.weights import weights
from cxrlib.commands.work import evaluate, phantom, prepare, report, train
from cxrscore.command import score

COMMANDS = (
    phantom, prepare, train, evaluate, report, segment, diagnose, score, run, scores,
    card, grade, site, release, checkpoints, weights, pretrain_encoder, pretrain_text,
    pretrain_report, train_lungs, train_diagnosis, serve,
)  # fmt: skip


@click.group(cls=Commands)
@click.version_option(cxrlib.__version__, package_name="cxrlib")
def main():
    """Reports from chest X-rays: data, training, evaluation. Not for clinical use."""


for each in COMMANDS:
    main.add_command(each)

if __name__ == "__main__":
    main()
