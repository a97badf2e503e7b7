"""Pretrained files: which there are, where they are, how to get them.

A file is looked for in this order: the path that was given,
`$CXR_WEIGHTS`, `weights/`, `/kaggle/input`; then it may be fetched with kagglehub or
from its page (see `fetch`), and if it is nowhere, a message says so.
"""

import dataclasses
import hashlib
import os
import pathlib

from cxrbase import hosts
from cxrbase.files import InputError, write_whole
from cxrbase.hosts import find_below

PHANTOM_ENCODER = "phantom_encoder.weights.h5"
PHANTOM_GPT2 = "phantom_gpt2"
PHANTOM_REPORT = "phantom_report"
LUNG_UNET = "lung_unet.keras"
NIH_DIAGNOSIS = "nih_diagnosis.keras"
SUMS = "SHA256SUMS"  # As `sha256sum -c` reads it.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pretrained:
    """One entry of the registry.

    Args:
        name: string. What the command line calls it.
        what: string. What it is, in a few words.
        file: string. The file, or the folder, that it is.
        source: string. Address of the page that it comes from.
        get: string. How to get it: `"course"` (the default: it is in the repository),
            `"hand"`, `"dataset:HANDLE"` or `"model:HANDLE"` (kagglehub), `"keras"`,
            or the address of the folder that `parts` are fetched from.
        licence: string.
        loader: string. The function that loads it.
        parts: tuple of strings. The files to fetch, where there are several.
        sha256: string. Checksum of the file, where it is known. Those of the course's
            own files are in `weights/SHA256SUMS`.
        ground: string. Of `cxrbase.grounds`, what radiographs or reports it was
            trained on; `""` for photographs and other texts.
    """

    name: str
    what: str
    file: str
    source: str
    get: str = "course"
    licence: str
    loader: str
    parts: tuple = ()
    sha256: str = ""
    ground: str = ""

    @property
    def is_folder(self):
        """Whether it is a folder of several files."""
        return not pathlib.Path(self.file).suffix


ENCODER = "cxrlib.pretrained.load.load_encoder"
GPT2 = "cxrlib.pretrained.load.load_gpt2"
HUB = "https://huggingface.co"
HUGGING_FACE = ("config.json", "model.safetensors", "vocab.json", "merges.txt")

REGISTRY = (
    Pretrained(
        name="chexnet",
        what="CheXNet: DenseNet121 trained on the 14 labels of NIH ChestX-ray14",
        file="brucechou1983_CheXNet_Keras_0.3.0_weights.h5",
        source="https://www.kaggle.com/datasets/sinamhd9/chexnet-weights",
        get="dataset:sinamhd9/chexnet-weights",
        licence="see its page; images: cite NIH",
        loader=ENCODER,
        ground="real",
    ),
    Pretrained(
        name="chexnet-torch",
        what="CheXNet as a PyTorch state dict",
        file="model.pth.tar",
        source="https://github.com/arnoweng/CheXNet",
        get="https://github.com/arnoweng/CheXNet/raw/master",
        licence="see its page; images: cite NIH",
        loader=ENCODER,
        parts=("model.pth.tar",),
        ground="real",
    ),
    Pretrained(
        name="torchxrayvision",
        what="DenseNet121 of torchxrayvision; export its state dict first",
        file="torchxrayvision-densenet121.pt",
        source="https://github.com/mlmed/torchxrayvision",
        get="hand",
        licence="Apache 2.0",
        loader=ENCODER,
        ground="real",
    ),
    Pretrained(
        name="imagenet",
        what="DenseNet121 trained on ImageNet photographs, from keras.applications",
        file="densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        source="https://keras.io/api/applications/densenet/",
        get="keras",
        licence="BSD 3-clause",
        loader=ENCODER,
    ),
    Pretrained(
        name="gpt2",
        what="GPT-2 base, 12 layers, from KerasHub",
        file="gpt2_base_en",
        source="https://www.kaggle.com/models/keras/gpt2",
        get="model:keras/gpt2/keras/gpt2_base_en",
        licence="MIT (OpenAI)",
        loader=GPT2,
    ),
    Pretrained(
        name="distilgpt2",
        what="DistilGPT-2, 6 layers, a Hugging Face folder",
        file="distilgpt2",
        source=f"{HUB}/distilbert/distilgpt2",
        get=f"{HUB}/distilbert/distilgpt2/resolve/main",
        licence="Apache 2.0",
        loader=GPT2,
        parts=HUGGING_FACE,
    ),
    Pretrained(
        name="phantom-encoder",
        what="DenseNet121 for 128 pixels, trained by this course on phantoms alone",
        file=PHANTOM_ENCODER,
        source="make pretrain",
        licence="MIT",
        loader=ENCODER,
        ground="phantom",
    ),
    Pretrained(
        name="phantom-gpt2",
        what="GPT-2 of 4 layers, trained by this course on phantom texts alone",
        file=PHANTOM_GPT2,
        source="make pretrain",
        licence="MIT",
        loader=GPT2,
        ground="phantom",
    ),
    Pretrained(
        name="phantom-report",
        what="the whole report model, trained by this course on phantoms alone",
        file=PHANTOM_REPORT,
        source="make pretrain",
        licence="MIT",
        loader="cxrlib.systems.reports.shipped.load_report_model",
        ground="phantom",
    ),
    Pretrained(
        name="lung-unet",
        what="U-Net for lungs, trained by this course on real radiographs",
        file=LUNG_UNET,
        source="make lungs",
        licence="MIT; images: Montgomery and Shenzhen (NLM), NIH ChestX-ray14",
        loader="cxrlib.systems.lungs.segment.load_lung_model",
        ground="real",
    ),
    Pretrained(
        name="nih-diagnosis",
        what="the fourteen labels of NIH, trained by this course on real radiographs",
        file=NIH_DIAGNOSIS,
        source="make diagnosis",
        licence="MIT; images: cite NIH ChestX-ray14",
        loader="cxrlib.systems.diagnosis.shipped.load_diagnosis_model",
        ground="real",
    ),
)


def entry(name):
    """Look an entry up by its name, or by its file.

    Args:
        name: string.

    Returns:
        A `Pretrained`.

    Raises:
        InputError: if the registry does not know it.

    Example:
    ```python
    entry("chexnet").file
    ```
    """
    for each in REGISTRY:
        if name in (each.name, each.file):
            return each
    known = ", ".join(each.name for each in REGISTRY)
    raise InputError(f"{name}: not in the registry of weights. It knows {known}.")


def registered(origin):
    """What results keep of a pretrained file, beside its name.

    Args:
        origin: string. What a part of a model started from, as `load_encoder` and
            `load_gpt2` return it.

    Returns:
        A dict of strings: `what`, `licence` and `ground`. Empty for `"none"`, and for
        a file that the registry does not know.

    Example:
    ```python
    results.weights("encoder", origin, **registered(origin))
    ```
    """
    # "phantom_gpt2/gpt2.weights.h5", "distilgpt2 (Hugging Face folder)"
    name = origin.partition(" (")[0].partition("/")[0]
    for each in REGISTRY:
        if each.file == name:
            return {"what": each.what, "licence": each.licence, "ground": each.ground}
    return {}


def course_weights():
    """The folder `weights/` of the course, as a `pathlib.Path`.

    Where the packages are installed without a checkout, it is that of the working
    directory, which need not be there.
    """
    folder = pathlib.Path(__file__).resolve().parents[2] / "weights"
    return folder if folder.is_dir() else pathlib.Path("weights")


def find_weights(file, folder=None):
    """Look for a file or folder of pretrained weights; nothing is fetched.

    Args:
        file: string. Its name.
        folder: string, path or `None`. Looked into first.

    Returns:
        The `pathlib.Path`, or `None` if it is nowhere.

    Example:
    ```python
    find_weights("phantom_encoder.weights.h5")
    ```
    """
    # The folder that `fetch_weights` writes to comes first, so that it finds its files.
    for place in (folder, os.environ.get("CXR_WEIGHTS"), course_weights(), "weights"):
        if place and (pathlib.Path(place) / file).exists():
            return pathlib.Path(place) / file
    # kagglehub's cache is not looked into: only kagglehub knows what is whole there.
    found = find_below(hosts.KAGGLE_INPUT, file)
    return _newest_version(found) if found else None


def _newest_version(path):
    """Kaggle keeps a model's files in a subfolder for each version: 1, 2, …"""
    numbers = [each for each in path.glob("*") if each.name.isdigit()]
    return max(numbers, key=lambda each: int(each.name), default=path)


def check_sums(path, each):
    """Refuse what does not have the checksum that is known for it.

    Args:
        path: `pathlib.Path`. The file or folder that was found.
        each: `Pretrained`.

    Returns:
        How many files were checked; 0 where no checksum is known.

    Raises:
        InputError: if one differs.

    Example:
    ```python
    check_sums(find_weights(LUNG_UNET), entry("lung-unet"))
    ```
    """
    known = _sums(path.parent) | ({each.file: each.sha256} if each.sha256 else {})
    known = {n: d for n, d in known.items() if n.split("/")[0] == path.name}
    for name, expected in known.items():
        part = path.parent / name
        if not part.is_file() or checksum(part) != expected:
            mend = f"Delete it, then: python -m cxrlib weights fetch {each.name}"
            if each.get == "course":
                mend = "Check it out again; if you made it again: make sums"
            raise InputError(
                f"{part}: its SHA-256 is not the one known for {each.name}: the file "
                f"is cut off, or another. {mend}"
            )
    return len(known)


def checksum(path):
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(folder):
    path = folder / SUMS
    if not path.is_file():
        return {}
    sums = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        digest, _, name = line.strip().partition(" ")
        if digest and not name:
            raise InputError(
                f"{path}: line {number} is not a checksum and a file name; correct it, "
                "or write the list anew: make sums"
            )
        if digest:
            sums[name.lstrip(" *")] = digest  # The star is sha256sum's, for binary.
    return sums


def write_sums(folder=None):
    """Write the checksums of the course's own files, after they were made anew.

    Args:
        folder: string, path or `None`. The course's `weights/` by default.

    Returns:
        The path of the list.

    Example:
    ```python
    write_sums("weights")
    ```
    """
    folder = pathlib.Path(folder or course_weights())
    own = [each.file for each in REGISTRY if each.get == "course"]
    paths = [folder / file for file in own]
    files = [
        p for path in paths for p in ([path] if path.is_file() else path.glob("*"))
    ]
    if not files:
        raise InputError(
            f"{folder}: holds none of the course's own weights. Give their folder, or "
            "run it in the course's checkout."
        )
    lines = [
        f"{checksum(p)}  {p.relative_to(folder).as_posix()}" for p in sorted(files)
    ]
    with write_whole(folder / SUMS) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    return folder / SUMS
