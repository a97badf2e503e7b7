"""The pipeline for Kubeflow: films prepared once, a training for each seed, scored.

    pip install --require-hashes -r requirements/lock-scale.txt
    python deploy/pipeline.py IMAGE OUT.yaml

IMAGE is what a registry calls the image of `deploy/Dockerfile`. `pipeline.yaml` beside
this file is written with `cxr-course:0.1.0`.
"""

import sys

if len(sys.argv) != 3:
    sys.exit("Usage: python deploy/pipeline.py IMAGE OUT.yaml")

from kfp import compiler, dsl  # noqa: E402

IMAGE = sys.argv[1]
CALL = ["python", "-m", "cxrlib"]


@dsl.container_component
def films(studies: int, films: dsl.Output[dsl.Dataset]):
    """Draw phantoms; for films of your own put an importer of their folder here."""
    args = ["phantom", films.path, "--studies", studies, "--size", "256"]
    return dsl.ContainerSpec(IMAGE, CALL, args)


@dsl.container_component
def prepare(
    size: int, films: dsl.Input[dsl.Dataset], prepared: dsl.Output[dsl.Dataset]
):
    """Clean, split, decode and resize the films."""
    args = ["prepare", prepared.path, "--data", films.path, "--size", size]
    return dsl.ContainerSpec(IMAGE, CALL, args)


@dsl.container_component
def train(
    seed: int,
    epochs: int,
    prepared: dsl.Input[dsl.Dataset],
    trained: dsl.Output[dsl.Model],
):
    """Train the report model."""
    args = ["train", prepared.path, trained.path, "--seed", seed, "--epochs", epochs]
    return dsl.ContainerSpec(IMAGE, CALL, args)


@dsl.container_component
def score(
    trained: dsl.Input[dsl.Model],
    prepared: dsl.Input[dsl.Dataset],
    scores: dsl.Output[dsl.Artifact],
):
    """Predict the test studies and score them."""
    model = f"{trained.path}/model.keras"
    args = ["evaluate", model, prepared.path, scores.path]
    return dsl.ContainerSpec(IMAGE, CALL, args)


@dsl.pipeline(name="cxr-seeds", description="How far scores differ by seed alone.")
def seeds(
    seeds: list[int] = [0, 1, 2],  # noqa: B006
    studies: int = 300,
    size: int = 128,
    epochs: int = 10,
):
    """Films, prepared once; a training and its scores for each seed."""
    drawn = films(studies=studies)
    prepared = prepare(size=size, films=drawn.outputs["films"]).outputs["prepared"]
    with dsl.ParallelFor(items=seeds, parallelism=3) as seed:
        trained = train(seed=seed, epochs=epochs, prepared=prepared)
        trained.set_cpu_limit("4").set_memory_limit("8Gi")
        score(trained=trained.outputs["trained"], prepared=prepared)


compiler.Compiler().compile(seeds, sys.argv[2])
