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
MINORS = sorted({p.stem.split("-")[-1] for p in ROOT.glob("requirements/lock-*.txt")})
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
