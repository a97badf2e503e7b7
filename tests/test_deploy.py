"""deploy/: each file against its schema, and against what the course really has."""

import fnmatch
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys

import click
import pytest
import yaml
from hosted import REPOSITORY as ROOT

import cxrlib
from coursework.pages.scores import write_between_marks
from cxrlib.__main__ import main
from cxrlib.environment import _version

DEPLOY = ROOT / "deploy"
IMAGE = f"cxr-course:{cxrlib.__version__}"
HEALTH, PORT, USER = "/api/health", 8000, "10001:10001"


def parsed(words):
    """Read a command line as `python -m cxrlib` would; return its parameters."""
    name, *words = words
    command = main.get_command(click.Context(main), name)
    return command.make_context(name, list(map(str, words))).params


# === The image ===


def instructions(text):
    """`(stage, name, words)` of each instruction of a Dockerfile."""
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    stage, found = -1, []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        stage += name == "FROM"
        words = json.loads(rest) if rest.startswith("[") else rest.split()
        found.append((stage, name, words))
    return found


def faults(text):
    """What is wrong with a Dockerfile, one line each."""
    lines = instructions(text)
    last = lines[-1][0]
    final = {name: words for stage, name, words in lines if stage == last}
    found = [
        f"{name} is missing" for name in ("HEALTHCHECK", "USER") if name not in final
    ]
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", "".join(final.get("USER", ["1:1"]))):
        found.append("the user is root, or has no number")
    if final.get("EXPOSE") != [str(PORT)]:
        found.append("another port is exposed")
    if HEALTH not in " ".join(final.get("HEALTHCHECK", [HEALTH])):
        found.append("the health check asks something else")
    for stage, name, words in lines:
        said = " ".join(words)
        unchecked = "--no-index" not in said and "--require-hashes" not in said
        if name == "FROM" and not re.match(r"\S+:\d[\w.-]*( AS \w+)?$", said):
            found.append(f"{said}: no version")
        if name == "ADD" or name == "RUN" and re.search(r"curl|wget|apt-get", said):
            found.append(f"{name} {said}: fetches past the lock file")
        if name == "RUN" and "pip install" in said and unchecked:
            found.append(f"{said}: no checksums")
        if name == "RUN" and stage == last:
            found.append(f"{said}: builds in the final stage")
        if name == "COPY" and not words[0].startswith("--"):
            for source in words[:-1]:
                if not (ROOT / source).exists() or ignored(source):
                    found.append(f"{source}: is missing, or ignored")
    return found


def ignored(path):
    """Whether .dockerignore keeps a path out; the last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        parts = path.split("/")
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if pattern.startswith("**/"):
            above, pattern = parts, pattern.removeprefix("**/")
        elif "/" not in pattern:
            above = parts[:1]
        if any(fnmatch.fnmatchcase(each, pattern) for each in above):
            out = not line.startswith("!")
    return out


DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def test_the_dockerfile_has_no_fault():
    assert faults(DOCKERFILE) == []
    stages = [words[0] for _, name, words in instructions(DOCKERFILE) if name == "FROM"]
    assert len(stages) == 2 and len(set(stages)) == 1
    minor = re.match(r"python:(3\.\d+)-slim", stages[0])[1]
    assert DOCKERFILE.count(f"lock-app-{minor}.txt") == 2


@pytest.mark.parametrize(
    ("of", "becomes", "fault"),
    [
        ("USER 10001:10001", "USER nobody", "has no number"),
        ("USER 10001:10001", "USER 0:0", "is root"),
        ("USER 10001:10001\n", "", "USER is missing"),
        ("HEALTHCHECK", "LABEL", "HEALTHCHECK is missing"),
        ("/api/health", "/", "asks something else"),
        ("EXPOSE 8000", "EXPOSE 80", "another port"),
        (":3.13-slim-trixie AS", " AS", "no version"),
        (":3.13-slim-trixie AS", ":latest AS", "no version"),
        ("--require-hashes", "", "no checksums"),
        ("WORKDIR /app", "RUN pip install --no-index x", "in the final stage"),
        ("WORKDIR /app", "ADD https://example.org/x /x", "past the lock file"),
        ("COPY weights", "COPY data", "data: is missing, or ignored"),
        ("COPY weights", "COPY notthere", "notthere: is missing"),
    ],
)
def test_a_fault_of_a_dockerfile_is_found(of, becomes, fault):
    (found,) = faults(DOCKERFILE.replace(of, becomes))
    assert fault in found


def test_the_image_holds_what_is_copied_and_no_more():
    copied = {
        source.split("/")[0]
        for _, name, words in instructions(DOCKERFILE)
        if name == "COPY" and not words[0].startswith("--")
        for source in words[:-1]
    }
    there = {each.name for each in ROOT.iterdir() if not ignored(each.name)}
    assert there | {"requirements"} == copied
    for path in (
        ".git/config", ".env", ".venv/bin/python", "data/nih/1.png", "outputs/a/b.png",
        "tests/films.py", "notebooks/01_data.ipynb", "requirements/lock-3.13.txt",
        "cxrlib/__pycache__/a.pyc", "cxrlib.egg-info/SOURCES.txt", "shared/data/x.png",
    ):  # fmt: skip
        assert ignored(path), path
    assert not ignored("cxrlib/app/static/page.js") and not ignored("weights/x.keras")


def test_the_image_serves_by_default():
    final = {name: words for _, name, words in instructions(DOCKERFILE)}
    assert final["ENTRYPOINT"] == ["python", "-m", "cxrlib"]
    params = parsed(final["CMD"])
    assert params["host"] == "0.0.0.0" and params["port"] == PORT
    assert final["USER"] == [USER]


def test_the_build_of_tensorflow_in_the_image_is_named(monkeypatch):
    there = {"tensorflow-cpu": "2.21.0", "keras": "3.15.1"}

    def version(name):
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert _version("tensorflow") == "2.21.0" and _version("keras") == "3.15.1"
    assert _version("pandas") == "not installed"


# === Compose ===

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_the_compose_file_fits_the_specification():
    import jsonschema

    vendored = importlib.metadata.distribution("check-jsonschema").locate_file(
        "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    )
    schema = json.loads(vendored.read_text())
    check = jsonschema.validators.validator_for(schema)(schema)
    check.validate(COMPOSE)
    broken = {"services": {"page": {**COMPOSE["services"]["page"], "read-only": True}}}
    assert not check.is_valid(broken)


def test_compose_publishes_on_the_loopback_and_locks_the_rest():
    (page,) = COMPOSE["services"].values()
    assert page["image"] == IMAGE
    context = (DEPLOY / page["build"]["context"]).resolve()
    assert context == ROOT and (context / page["build"]["dockerfile"]).is_file()
    assert page["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert page["read_only"] and page["cap_drop"] == ["ALL"]
    assert page["tmpfs"][0].startswith("/tmp:size=")
    assert page["security_opt"] == ["no-new-privileges:true"]
    assert page["mem_limit"] and page["pids_limit"] and page["cpus"]
    assert page["environment"]["TF_NUM_INTRAOP_THREADS"] == page["cpus"]
    assert not page.get("privileged") and not page.get("volumes")


# === Kubernetes ===

VERSIONS = "1.31.0", "1.37.0"  # Of Kubernetes, the oldest and the newest.


def read(folder):
    """A kustomization, and its documents by kind; kinds are there once."""
    folder = DEPLOY / "kubernetes" / folder
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert {each.name for each in folder.iterdir()} == {
        "kustomization.yaml", *told["resources"],
    }  # fmt: skip
    texts = [(folder / each).read_text() for each in told["resources"]]
    documents = [each for text in texts for each in yaml.safe_load_all(text)]
    by_kind = {each["kind"]: each for each in documents}
    assert len(by_kind) == len(documents)
    return told, by_kind


@pytest.fixture(params=["page", "training"])
def kinds(request):
    return read(request.param)


def pod_of(kinds):
    return (kinds.get("Deployment") or kinds["Job"])["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_fit_the_schemas_of_kubernetes(kinds, version):
    import kubernetes_validate

    _, kinds = kinds
    for each in kinds.values():
        kubernetes_validate.validate(each, version, strict=True)
    pod_of(kinds)["hostname_"] = "x"
    owner = kinds.get("Deployment") or kinds["Job"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(owner, version, strict=True)


def test_a_kustomization_names_what_is_there(kinds):
    told, kinds = kinds
    assert told["kind"] == "Kustomization"
    assert told["namespace"] == kinds["Namespace"]["metadata"]["name"]
    (image,) = told["images"]
    used = {each["image"] for each in pod_of(kinds)["containers"]}
    assert used == {image["name"]} and f"{image['name']}:{image['newTag']}" == IMAGE


def test_a_pod_has_no_more_rights_than_the_restricted_profile(kinds):
    _, kinds = kinds
    labels = kinds["Namespace"]["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
    pod = pod_of(kinds)
    assert pod["automountServiceAccountToken"] is False
    rights = pod["securityContext"]
    assert (
        rights["runAsNonRoot"] and rights["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert f"{rights['runAsUser']}:{rights['runAsGroup']}" == USER
    assert rights.get("fsGroup", 10001) == rights["runAsGroup"]
    for each in pod["containers"]:
        own = each["securityContext"]
        assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert set(each["resources"]) == {"requests", "limits"}
        threads = {each["name"]: each["value"] for each in each["env"]}
        assert threads["TF_NUM_INTRAOP_THREADS"] == each["resources"]["limits"]["cpu"]
        mounted = {volume["name"]: volume for volume in pod["volumes"]}
        assert {m["name"] for m in each["volumeMounts"]} == set(mounted)
        assert "/tmp" in {m["mountPath"] for m in each["volumeMounts"]}
    for volume in pod["volumes"]:
        claim = volume.get("persistentVolumeClaim")
        if claim:
            name = kinds["PersistentVolumeClaim"]["metadata"]["name"]
            assert claim["claimName"] == name
        else:
            assert volume["emptyDir"]["sizeLimit"]


def test_nothing_leaves_a_namespace_and_the_page_alone_is_reached(kinds):
    _, kinds = kinds
    policy = kinds["NetworkPolicy"]["spec"]
    assert policy["podSelector"] == {} and "egress" not in policy
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    allowed = policy.get("ingress", [])
    assert len(allowed) == ("Deployment" in kinds)
    for each in allowed:
        assert each["ports"] == [{"protocol": "TCP", "port": PORT}] and each["from"]


def test_the_page_is_found_and_probed():
    _, kinds = read("page")
    spec = kinds["Deployment"]["spec"]
    (page,) = spec["template"]["spec"]["containers"]
    labels = spec["template"]["metadata"]["labels"]
    assert (
        spec["selector"]["matchLabels"]
        == kinds["Service"]["spec"]["selector"]
        == labels
    )
    (port,) = page["ports"]
    (service,) = kinds["Service"]["spec"]["ports"]
    assert port["containerPort"] == PORT and service["targetPort"] == port["name"]
    params = parsed(page["args"])
    assert params["host"] == "0.0.0.0" and params["port"] == PORT
    assert kinds["Service"]["metadata"]["name"] in params["names"]
    for name in ("startup", "readiness", "liveness"):
        asked = page[f"{name}Probe"]["httpGet"]
        assert asked["path"] == HEALTH and asked["port"] == port["name"]
        # By the pod's address, which the server does not know, it would be a 421.
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_the_job_trains_with_its_index_as_the_seed():
    _, kinds = read("training")
    job = kinds["Job"]["spec"]
    assert job["completionMode"] == "Indexed" and job["completions"] > 1
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    (train,) = job["template"]["spec"]["containers"]
    first, *lines = train["args"][0].splitlines()
    assert first == "seed=$JOB_COMPLETION_INDEX"
    found = {}
    for line in lines:
        words = shlex.split(line.replace("$seed", "2"))
        assert words[:3] == ["python", "-m", "cxrlib"]
        found[words[3]] = parsed(words[3:])
    assert list(found) == ["phantom", "prepare", "train", "evaluate"]
    assert found["train"]["seed"] == 2 and found["train"]["resume"]
    writable = {each["mountPath"] for each in train["volumeMounts"]}
    for each in ("phantom", "prepare", "train", "evaluate"):
        assert "/" + str(found[each]["out"]).split("/")[1] in writable, each
    assert str(found["evaluate"]["model"]) == f"{found['train']['out']}/model.keras"


# === Kubeflow ===

PIPELINE = DEPLOY / "pipeline.yaml"


def test_the_pipeline_calls_commands_that_the_course_has():
    pipeline = yaml.safe_load(PIPELINE.read_text())
    told = {}
    for name, each in pipeline["deploymentSpec"]["executors"].items():
        container = each["container"]
        assert container["image"] == IMAGE
        assert container["command"] == ["python", "-m", "cxrlib"]
        asks = set(re.findall(r"\['(\w+)'\]", " ".join(container["args"])))
        component = pipeline["components"][name.replace("exec-", "comp-")]
        both = component.get("inputDefinitions", {}), component["outputDefinitions"]
        given = {key for side in both for kind in side.values() for key in kind}
        assert asks == given, name
        number = [re.sub(r"\{\{.*parameters.*\}\}", "64", a) for a in container["args"]]
        told[name] = parsed([re.sub(r"\{\{.*?\}\}", "/x", each) for each in number])
    assert list(told) == ["exec-films", "exec-prepare", "exec-score", "exec-train"]
    assert told["exec-train"]["seed"] == told["exec-train"]["epochs"] == 64
    loop = pipeline["root"]["dag"]["tasks"]["for-loop-1"]
    assert loop["parameterIterator"]["items"] == {
        "inputParameter": "pipelinechannel--seeds"
    }


def test_the_pipeline_is_what_kfp_compiles(tmp_path):
    python = ROOT / os.environ.get("SCALE_VENV", ".venv-scale") / "bin" / "python"
    if not python.is_file():
        pytest.skip("kfp is not here: make .venv-scale/installed")
    for name in ("one.yaml", "two.yaml"):
        subprocess.run(
            [python, DEPLOY / "pipeline.py", IMAGE, tmp_path / name], check=True
        )
        assert (tmp_path / name).read_bytes() == PIPELINE.read_bytes()


def test_the_pipeline_says_what_it_needs():
    command = [sys.executable, DEPLOY / "pipeline.py", IMAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "Usage: python deploy/pipeline.py IMAGE OUT.yaml\n"


# === The rehearsal, and what is said of it all ===


def test_the_rehearsal_says_what_it_lacks():
    done = subprocess.run(
        [sys.executable, DEPLOY / "rehearse.py"],
        capture_output=True,
        text=True,
        env={"PATH": "/nowhere"},
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "missing: debootstrap, buildah" in done.stderr


def rehearsed():
    """What the rehearsal measured, as a table."""
    told = json.loads((DEPLOY / "rehearsal.json").read_text())
    flat = {"commit": told["commit"], "cores": told["cores"]}
    flat |= {f"build: {name}": value for name, value in told["build"].items()}
    for name, value in told["page"].items():
        if isinstance(value, dict):
            value = ", ".join(f"{count} {unit}" for unit, count in value.items())
        flat[name] = value
    rows = [f"| {name} | {value} |" for name, value in flat.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def test_the_page_of_deploy_says_what_the_rehearsal_measured():
    assert rehearsed() in (DEPLOY / "README.md").read_text(), f"run python {__file__}"
    told = json.loads((DEPLOY / "rehearsal.json").read_text())["page"]
    assert (told["Uid"], told["root"], told["NoNewPrivs"]) == ("10001", "ro", "1")
    assert {told["CapEff"], told["CapBnd"]} == {"0" * 16}
    assert told["health check ends with"] == 0


def test_the_page_of_deploy_names_every_file_of_it():
    text = (DEPLOY / "README.md").read_text()
    for path in {*DEPLOY.iterdir()} - {DEPLOY / "README.md", DEPLOY / "__pycache__"}:
        assert f"({path.name})" in text, path
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (DEPLOY / target).exists(), target
    for words in re.findall(r"^python -m cxrlib (.+)$", text, re.M):
        parsed(shlex.split(words))


if __name__ == "__main__":
    write_between_marks(DEPLOY / "README.md", rehearsed(), "rehearsal")
