"""`make publish` sets the address everywhere, on a copy of the repository."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from hosted import PLACEHOLDER
from hosted import REPOSITORY as ROOT

from cxrlib.environment import COURSE_URL

URL = "https://github.com/some-body/radiographs.course"
TOOL = ROOT / "deploy" / "publish.py"


@pytest.fixture
def copy(tmp_path):
    for name in ("cxrlib", "notebooks", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "README.md", tmp_path)
    cite = f"repository-code: {COURSE_URL}\nurl: {COURSE_URL}-2\n"
    (tmp_path / "CITATION.cff").write_text(cite)
    return tmp_path


def publish(url, folder):
    return subprocess.run(
        [sys.executable, TOOL, url, folder], capture_output=True, text=True
    )


def test_the_address_is_set_everywhere_once(copy):
    place, name = COURSE_URL.removeprefix("https://github.com"), URL.split("com", 1)[1]
    done = publish(URL, copy)
    assert done.returncode == 0, done.stderr
    owner, repository = name.strip("/").split("/")
    assert f"https://{owner.lower()}.github.io/{repository}/site/" in done.stdout
    cite = (copy / "CITATION.cff").read_text()
    assert cite == f"repository-code: {URL}\nurl: {COURSE_URL}-2\n", "another address"
    for path in [*copy.rglob("*.ipynb"), *copy.rglob("*.py"), copy / "README.md"]:
        assert f"hub.com{place}" not in path.read_text(encoding="utf-8"), path
    for path in copy.rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = "".join(next(c["source"] for c in cells if c["id"] == "fetch"))
        assert f'url = "{URL}"' in first
        # It still knows the placeholder, which this is not.
        refused = re.search(r'"(\S+)" not in url', first)[1]
        assert refused in PLACEHOLDER and refused not in URL
    badges = (copy / "notebooks" / "01_data.ipynb").read_text(encoding="utf-8")
    assert f"(https://colab.research.google.com/github{name}/blob/main/" in badges
    again = publish(URL + "/", copy)
    assert again.returncode == 0 and "nothing to change" in again.stdout
    back = publish("https://github.com/some-body/another.git", copy)
    assert back.stdout.splitlines()[:-1] == done.stdout.splitlines()[:-1]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "some-body/radiographs",
        "http://github.com/some-body/radiographs",
        "https://gitlab.com/some-body/radiographs",
        "https://github.com/some-body",
        "https://github.com/-/radiographs",
        "https://github.com/some-body/radiographs/tree/main",
        'https://github.com/some-body/x"; rm',
        "https://github.com/OWNER/NAME",
        PLACEHOLDER,
    ],
)
def test_what_is_no_repository_is_refused(copy, url):
    before = (copy / "README.md").read_bytes()
    done = publish(url, copy)
    assert done.returncode == 1 and "not the address of your repository" in done.stderr
    assert "Traceback" not in done.stderr
    assert (copy / "README.md").read_bytes() == before
