"""Where a notebook runs: the host, its folders, the device and the precision."""

import contextlib
import dataclasses
import importlib.metadata
import logging
import os
import pathlib
import platform
import sys

import cxrlib
from cxrbase.files import InputError
from cxrbase.hosted.drive import how_long, leave_drive, mount_drive
from cxrbase.hosts import CONTENT, KAGGLE_WORKING

# The one place that names the repository: badges and the fetch cell of the
# notebooks take it from here. A placeholder; change it when you publish or fork.
COURSE_URL = "https://github.com/cxr-report-course/cxr-report-course"

GPU_ADVICE = {
    "colab": "Runtime → Change runtime type → T4 GPU, then run from the top.",
    "kaggle": "Settings → Accelerator → GPU T4 ×2 (needs a verified phone number).",
    "elsewhere": "The smoke and course profiles are made for 2 cores; full is not.",
}
PACKAGES = ("tensorflow", "keras", "keras-hub", "numpy", "pandas", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class Environment:
    """Where a notebook runs, with what, and where its files go.

    Args:
        place: string. `"colab"`, `"kaggle"` or `"elsewhere"`.
        course: `pathlib.Path`. The checkout with notebooks and our weights.
        data: `pathlib.Path`. Downloads, phantoms, prepared shards.
        weights: `pathlib.Path`. Pretrained files.
        outputs: `pathlib.Path`. Runs; outlives the machine where it can.
        device: string. `"GPU: Tesla T4"`, `"CPU: 2 cores"`, …
        gpus: int. How many.
        mixed_precision: bool. Whether layers compute in float16.
        seed: int.
        backend: string. Keras' backend.
        versions: dict of strings.
    """

    place: str
    course: pathlib.Path
    data: pathlib.Path
    weights: pathlib.Path
    outputs: pathlib.Path
    device: str
    gpus: int
    mixed_precision: bool
    seed: int
    backend: str
    versions: dict

    def __str__(self):
        packages = ", ".join(f"{name} {v}" for name, v in self.versions.items())
        precision = "mixed_float16" if self.mixed_precision else "float32"
        return (
            f"{self.place} · {self.device} · {precision} · seed {self.seed}\n"
            f"{packages}\n"
            f"data    {self.data}\nweights {self.weights}\noutputs {self.outputs}"
        )

    def beside(self, name):
        """Folders in which real data of this name may be, as paths."""
        return [self.data / name, self.course.parent / "shared" / "data" / name]


def place():
    """Say where this runs.

    Returns:
        `"colab"`, `"kaggle"` or `"elsewhere"`.

    Example:
    ```python
    place()
    ```
    """
    # The variables reach the subprocesses of a notebook too; the module does not.
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ:
        return "colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "kaggle"
    return "elsewhere"


def _folders(where, root):
    """`(course, data, weights, outputs)`; folders are made by what writes to them."""
    course = pathlib.Path(cxrlib.__file__).resolve().parent.parent
    if not (course / "notebooks").is_dir():
        course = pathlib.Path.cwd()  # Installed as a package, without a checkout.
    if root is not None:
        data = outputs = pathlib.Path(root).resolve()
    elif where in ("colab", "kaggle"):
        data = outputs = pathlib.Path(CONTENT if where == "colab" else KAGGLE_WORKING)
    else:
        data = outputs = course
    return course, data / "data", data / "weights", outputs / "outputs"


@contextlib.contextmanager
def quiet():
    """Drop what TensorFlow writes past Python while it is loaded.

    From 2.21 on it does so before it reads the variable that silences it.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3":
        yield
        return
    kept = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def full_precision():
    """Have the layers that are built inside compute in float32, on any machine.

    A hand-made float32 computation agrees with a float16 layer to three digits only. A
    layer keeps the precision that it was built with.

    Example:
    ```python
    with full_precision():
        layer = keras.layers.Dense(8)
    ```
    """
    import keras

    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(policy)


def _gpus():
    """Names and compute capabilities of the GPUs that Keras' backend sees."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        details = map(
            tf.config.experimental.get_device_details,
            tf.config.list_physical_devices("GPU"),
        )
        return [
            (each.get("device_name", "GPU"), each.get("compute_capability", (0, 0)))
            for each in details
        ]
    if backend == "jax":
        import jax

        devices = [each for each in jax.devices() if each.platform == "gpu"]
        return [(each.device_kind, _capability(each)) for each in devices]
    if backend == "torch":
        import torch

        return [
            (torch.cuda.get_device_name(i), torch.cuda.get_device_capability(i))
            for i in range(torch.cuda.device_count())
        ]
    return []


def _capability(device):
    """Compute capability of a JAX device, `"7.5"` → `(7, 5)`."""
    words = str(getattr(device, "compute_capability", "0.0"))
    return tuple(int(number) for number in words.split("."))


def _version(package):
    for name in (package, f"{package}-cpu"):  # TensorFlow's build for CPUs alone.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return "not installed"


def setup(seed=0, mixed_precision="auto", root=None, verbose=True, keep_on_drive=None):
    """Prepare a notebook: find folders, set the seed and the precision, print them.

    Args:
        seed: int. Seeds Python, NumPy and Keras.
        mixed_precision: `"auto"`, `True` or `False`. `"auto"` takes float16 on a
            GPU that has units for it (compute capability 7, a T4, or newer): it
            is slower than float32 on a CPU or a P100.
        root: string or `pathlib.Path`. Where `data/`, `weights/` and `outputs/`
            are, instead of the default: the checkout; `/content` on Colab;
            `/kaggle/working` on Kaggle.
        verbose: bool. Whether to print the environment and the GPU warning.
        keep_on_drive: bool. Whether, on Colab, results, prepared data and one
            checkpoint per training are kept on Google Drive, for which it asks once.
            A new machine takes them from there. `None` leaves it as it is.

    Returns:
        An `Environment`.

    Raises:
        InputError: if `mixed_precision` is something else.

    Example:
    ```python
    environment = setup(seed=0)
    ```
    """
    with quiet():
        import keras

        where, gpus = place(), _gpus()
    # It warns about each model that it traces for batches of several sizes.
    logging.getLogger("tensorflow").setLevel("ERROR")
    keras.utils.set_random_seed(seed)
    if keep_on_drive:
        mount_drive(COURSE_URL.rsplit("/", 1)[-1])
    elif keep_on_drive is not None:
        leave_drive()
    has_units = bool(gpus) and all(each[1][0] >= 7 for each in gpus)
    choices = {"auto": has_units, "true": True, "false": False}  # A batch gives words.
    if str(mixed_precision).lower() not in choices:
        raise InputError(
            f'mixed_precision = {mixed_precision!r}: say "auto", True or False.'
        )
    mixed_precision = choices[str(mixed_precision).lower()]
    keras.mixed_precision.set_global_policy(
        "mixed_float16" if mixed_precision else "float32"
    )
    names = ", ".join(sorted({name for name, _ in gpus}))
    count = f"{len(gpus)} × " if len(gpus) > 1 else ""
    course, data, weights, outputs = _folders(where, root)
    environment = Environment(
        place=where,
        course=course,
        data=data,
        weights=weights,
        outputs=outputs,
        device=f"GPU: {count}{names}" if gpus else f"CPU: {os.cpu_count()} cores",
        gpus=len(gpus),
        mixed_precision=mixed_precision,
        seed=seed,
        backend=keras.backend.backend(),
        versions={
            "cxrlib": cxrlib.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
    )
    if verbose:
        print(environment)
        if not gpus:
            print(f"No GPU. {GPU_ADVICE[where]}")
        if root is None and how_long(where):
            print(how_long(where))
    return environment
