"""Builds the image without a container engine, and asks the page that runs from it.

    python deploy/rehearse.py [FOLDER]

As root on Debian, with `apt-get install debootstrap buildah curl`. A fresh Debian root
stands for the base image (the same release, the same Python); buildah, which needs no
engine with chroot isolation, carries out `deploy/Dockerfile`. What comes out is started
as a container would be: the image's user without capabilities, its root read-only, a
small `/tmp`, a network of its own that has a loopback and nothing else. First it runs
the commands of `deploy/kubernetes/training`, small; one of their films is sent to the
page. It needs 20 GB in FOLDER (by default a temporary one) and leaves nothing there.
What was measured goes to `deploy/rehearsal.json`; `python tests/test_deploy.py` writes
it into `deploy/README.md`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

COURSE = pathlib.Path(__file__).resolve().parents[1]
BASE, RELEASE, PYTHON = "python:3.13-slim-trixie", "trixie", "python3.13"
TOOLS = ("debootstrap", "buildah", "curl", "unshare", "nsenter")
PAGE = "http://localhost:8000"
RECORD = COURSE / "deploy/rehearsal.json"
FILMS = 20
PATIENCE = 600  # Seconds until the page answers; a busy machine takes minutes.
# Mounts, then the image's user; $0 is the root, $1 what may be written, $2 the user.
START = """
set -e
mount --bind "$0" "$0"
mount -t tmpfs -o size=256m,mode=1777 tmpfs "$0/tmp"
mount -t tmpfs -o size=1m tmpfs "$0/dev"
for each in null zero urandom random; do
    touch "$0/dev/$each"; mount --bind "/dev/$each" "$0/dev/$each"
done
mkdir -m 1777 "$0/dev/shm"
mount -t proc proc "$0/proc"
mount --bind "$1" "$0/mnt"
mount -o remount,bind,ro "$0"
ip link set lo up
root=$0; user=$2; place=$3; shift 3
exec chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups \
    --no-new-privs --bounding-set=-all --inh-caps=-all sh -c 'cd "$0"; exec "$@"' \
    "$place" "$@"
"""


def said(*words, **options):
    """Run a command; return what it prints."""
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, **options)
    return done.stdout.decode().strip()


class Image:
    """The image, built in a folder.

    Args:
        folder: `pathlib.Path`. For the storage and the trees.
    """

    def __init__(self, folder):
        storage = (
            "--storage-driver=vfs",
            f"--root={folder}/all",
            f"--runroot={folder}/r",
        )
        self.buildah = ("buildah", *storage)
        base, self.work = folder / "base", folder / "work"
        self.work.mkdir(mode=0o777)
        self.work.chmod(0o777)
        packages = f"{PYTHON},{PYTHON}-venv,ca-certificates"
        options = "--variant=minbase", f"--include={packages}"
        # What it mounts ends with it, even if it is killed.
        said("unshare", "--mount", "debootstrap", *options, RELEASE, base)
        (base / "usr/local/bin/python").symlink_to(f"/usr/bin/{PYTHON}")
        bundle = os.environ.get("SSL_CERT_FILE")  # A mirror's own certificate.
        if bundle:
            shutil.copy(bundle, base / "etc/ssl/certs/ca-certificates.crt")
        scratch = said(*self.buildah, "from", "scratch")
        said(*self.buildah, "add", "--quiet", scratch, base, "/")
        said(*self.buildah, "commit", "--rm", "--quiet", scratch, BASE)
        file = f"--file={COURSE}/deploy/Dockerfile"
        how = "--isolation=chroot", "--pull-never", "--format=docker", file
        subprocess.run([*self.buildah, "bud", *how, "--tag=course", COURSE], check=True)
        about = json.loads(said(*self.buildah, "inspect", "--type=image", "course"))
        self.config = about["Docker"]["config"]
        self.tree = self.mounted("course")
        self.size = kilobytes(self.tree) - kilobytes(self.mounted(BASE))

    def mounted(self, name):
        """A path, the tree of an image."""
        container = said(*self.buildah, "from", "--pull-never", name)
        return said(*self.buildah, "mount", container)

    def start(self, *words):
        """Start the image with these arguments, or its own; return the process."""
        config = self.config
        words = (*config["Entrypoint"], *(words or config["Cmd"]))
        own = "--mount", "--net", "--pid", "--fork"
        environment = ["env", "-i", *config["Env"]]
        place = config["WorkingDir"]
        values = [self.tree, self.work, config["User"], place, *environment, *words]
        command = ["unshare", *own, "sh", "-c", START, *map(str, values)]
        return subprocess.Popen(command)

    def run(self, *words):
        """Run a command of the image to its end."""
        if self.start(*words).wait():
            sys.exit(f"rehearse: {' '.join(words)} failed")


def kilobytes(tree):
    """How much a tree takes on the disk."""
    return int(said("du", "--summarize", "--one-file-system", tree).split()[0])


def inside(page):
    """The processes that share a page's process namespace."""
    found = []
    if page.poll() is not None:
        return found
    own = os.readlink(f"/proc/{page.pid}/ns/pid_for_children")
    for each in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            found += [each] if os.readlink(each / "ns/pid") == own else []
        except OSError:  # It has ended.
            continue
    return sorted(found, key=lambda each: int(each.name))


def line(path, name):
    """A value of a file of `/proc`."""
    lines = path.read_text().splitlines()
    return next(each for each in lines if each.startswith(name)).split()[1]


def cpu(page):
    """Seconds of processor time that a page has had; true on a busy machine as well."""
    ticks = [(p / "stat").read_text().rpartition(")")[2].split() for p in inside(page)]
    return sum(int(t[11]) + int(t[12]) for t in ticks) / os.sysconf("SC_CLK_TCK")


def ask(page, *words):
    """Ask the page from outside of its root; return the last line, or `None`."""
    client = "nsenter", f"--target={page.pid}", "--net", "curl", "-sSf", *words
    done = subprocess.run(client, capture_output=True)
    return None if done.returncode else json.loads(done.stdout.splitlines()[-1])


def commit():
    """The commit of the course that is built."""
    words = "git", "-C", COURSE, "describe", "--always", "--dirty"
    return said(*words)


def use(page):
    """What a page takes now: gigabytes of memory, and threads."""
    each = inside(page)
    memory = sum(int(line(p / "smaps_rollup", "Pss:")) for p in each)
    threads = sum(int(line(p / "status", "Threads:")) for p in each)
    return {"GB": round(memory / 1e6, 2), "threads": threads}


def rehearse(folder):
    """Build, train small, serve, ask; return what was measured."""
    begun = time.monotonic()
    image = Image(folder)
    told = {"commit": commit(), "cores": os.cpu_count()}
    told["build"] = {"seconds": round(time.monotonic() - begun)}
    told["build"]["GB beside the base"] = round(image.size / 1e6, 2)
    image.run("phantom", "/mnt/phantom", "--studies=40", "--size=256")
    image.run("prepare", "/mnt/prepared", "--data=/mnt/phantom", "--size=64")
    small = "--preset=tiny", "--epochs=1", "--seed=1"
    image.run("train", "/mnt/prepared", "/mnt/seed-1", *small)
    model = "/mnt/seed-1/model.keras"
    image.run("evaluate", model, "/mnt/prepared", "/mnt/seed-1/scores")
    # 1001 is the frontal, as in the collection of Indiana.
    film = min((image.work / "phantom" / "images").rglob("*-1001.dcm.png"))
    page = image.start()
    try:
        told["page"] = serve(image, page, film)
    finally:
        for each in inside(page):  # unshare's end does not end another user's process.
            os.kill(int(each.name), 9)
        page.wait()
    return told


def serve(image, page, film):
    """Wait for the page, ask it all, end it; return what was measured."""
    begun = time.monotonic()
    while not ask(page, f"{PAGE}/api/health"):
        if page.poll() is not None or time.monotonic() > begun + PATIENCE:
            sys.exit("rehearse: the page does not answer")
        time.sleep(1)
    used = cpu(page)
    told = {"seconds until it answers": round(time.monotonic() - begun, 1)}
    told["of a processor"] = round(used, 1)
    form = "--form", f"frontal=@{film}"
    for _ in range(FILMS):
        answer = ask(page, *form, f"{PAGE}/api/predict")
        if answer is None:
            sys.exit(f"rehearse: {film} is refused")
    told[f"processor seconds for {FILMS} films"] = round(cpu(page) - used, 1)
    told["it said"] = answer["summary"]
    told["after the films"] = use(page)
    begun = time.monotonic()
    report = ask(page, *form, f"{PAGE}/api/report")
    if report is None or report["stage"] != "done":
        sys.exit(f"rehearse: no report, but {report}")
    told["seconds for a report"] = round(time.monotonic() - begun, 1)
    told["after the report"] = use(page)
    first = inside(page)[0]
    for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs"):
        told[name] = line(first / "status", name + ":")
    mounts = (first / "mounts").read_text().splitlines()
    (root,) = (each.split()[3] for each in mounts if each.split()[1] == "/")
    told["root"] = root.split(",")[0]
    check = image.config["Healthcheck"]["Test"][1:]
    where = "--mount", "--net", "--pid", "--root", "--wd"
    into = "nsenter", f"--target={first.name}", *where, "env", *image.config["Env"]
    told["health check ends with"] = subprocess.run([*into, *check]).returncode
    begun = time.monotonic()
    os.kill(int(first.name), 15)
    page.wait(PATIENCE)
    told["seconds from SIGTERM to its end"] = round(time.monotonic() - begun, 1)
    return told


def main():
    """Rehearse in a folder; clean up."""
    lacking = [each for each in TOOLS if not shutil.which(each)]
    if lacking or os.geteuid():
        sys.exit(
            f"rehearse: run it as root; missing: {', '.join(lacking) or 'nothing'}"
        )
    os.umask(0o022)
    place = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="rehearse-", dir=place) as folder:
        told = json.dumps(rehearse(pathlib.Path(folder)), indent=1)
    print(told)
    RECORD.write_text(told + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
