"""The lock files: every dependency, within its range, every file by its checksum."""

import pathlib
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
MINORS = sorted({p.stem.split("-")[-1] for p in ROOT.glob("requirements/lock-3*.txt")})
DEMO = ["train", "batch", "dicom", "lab"]


def entries(minor, *kinds):
    """Name → version and checksums, of the lock files together."""
    found = {}
    for kind in kinds:
        path = ROOT / "requirements" / f"{kind}-{minor}.txt"
        for entry in re.split(r"^(?=\S)", path.read_text(), flags=re.M)[1:]:
            first, *rest = entry.replace("\\\n", "\n").splitlines()
            requirement = Requirement(first)
            (pin,) = requirement.specifier
            assert pin.operator == "==" and rest, entry
            for line in rest:
                assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}\s*", line), entry
            found.setdefault(canonicalize_name(requirement.name), []).append(
                (Version(pin.version), requirement.marker)
            )
    return found


def test_every_minor_version_is_locked():
    allowed = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert [f"3.{n}" for n in range(30) if f"3.{n}" in allowed] == MINORS


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize(
    ("kinds", "extras"), [(["lock"], DEMO), (["lock", "lock-test"], [*DEMO, "test"])]
)
def test_what_is_named_is_locked_within_its_range(minor, kinds, extras):
    locked = entries(minor, *kinds)
    named = [*PROJECT["dependencies"], *sum((EXTRAS[extra] for extra in extras), [])]
    for requirement in map(Requirement, named):
        if requirement.name != PROJECT["name"]:
            versions = locked[canonicalize_name(requirement.name)]
            assert all(version in requirement.specifier for version, _ in versions)
    # A lock must not bring gigabytes that nobody asked for.
    assert not [name for name in locked if re.match("nvidia|cuda|triton", name)]


def test_the_image_holds_what_is_locked_elsewhere():
    (minor,) = (p.stem[9:] for p in ROOT.glob("requirements/lock-app-*.txt"))
    image, whole = entries(minor, "lock-app"), entries(minor, "lock", "lock-test")
    extras = EXTRAS["train"] + EXTRAS["dicom"] + EXTRAS["app"]
    for requirement in map(Requirement, PROJECT["dependencies"] + extras):
        (version, _), *_ = image[canonicalize_name(requirement.name)]
        assert version in requirement.specifier
    # TensorFlow has one build for each machine, of the same version.
    (cpu, x86), (usual, other) = image.pop("tensorflow-cpu")[0], image["tensorflow"][0]
    for machine in ("x86_64", "aarch64"):
        here = {"platform_machine": machine}
        assert x86.evaluate(here) != other.evaluate(here)
    assert cpu == usual
    versions = {name: {version for version, _ in whole[name]} for name in image}
    assert {name: {v for v, _ in found} for name, found in image.items()} == versions
    assert not {"jupyterlab", "papermill", "torch", "jax"} & set(image)


def test_what_the_pipeline_is_compiled_with_is_locked():
    path = ROOT / "requirements" / "lock-scale.txt"
    (kfp,) = re.findall(r"^kfp==(\S+) ", path.read_text(), re.M)
    assert Version(kfp) in Requirement(*EXTRAS["scale"]).specifier
    compiled = (ROOT / "deploy" / "pipeline.yaml").read_text()
    assert compiled.rstrip().endswith(f"sdkVersion: kfp-{kfp}")
