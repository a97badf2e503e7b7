"""Every command: its numbers have ranges, and what a user can mend is one line."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cxrbase import files
from cxrbase.commands.group import Commands
from cxrbase.files import InputError, write_whole
from cxrbase.refusals import REFUSALS, make_folder, require_file
from cxrlib.__main__ import main
from cxrlib.commands import work
from cxrphantom.dataset import write_phantom

ROOT = pathlib.Path(__file__).parents[1]
HEAVY = ("train", "evaluate", "report", "segment", "diagnose", "pretrain-text")
HEAVY += ("train-lungs",)


def call(*arguments, **options):
    """Run a command in this process; give its exit code and its last line."""
    result = CliRunner().invoke(main, [str(each) for each in arguments], **options)
    is_told = result.exception is None or isinstance(result.exception, SystemExit)
    assert is_told, repr(result.exception)
    return result.exit_code, (result.output.splitlines() or [""])[-1]


# === Numbers ===


def numbers(command=main, path=()):
    """Every option that takes a number, of every command: path, option, type."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from numbers(inner, (*path, name))
    for option in command.params:
        kinds = getattr(option.type, "types", [option.type])
        for kind in kinds:
            if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
                yield path, option, kind


def test_every_number_has_a_range_and_says_it():
    found = list(numbers())
    assert len(found) > 40
    for path, option, kind in found:
        where = f"{' '.join(path)} {option.opts[0]}"
        assert isinstance(kind, click.IntRange | click.FloatRange), where
        if path != ("score",):
            assert None not in (kind.min, kind.max), where
        help_text = " ".join(CliRunner().invoke(main, [*path, "--help"]).output.split())
        assert kind._describe_range() in help_text or "each 0 to 1" in help_text, where


def given(path, option, words):
    """A call of a command whose arguments are not looked at before the option."""
    arguments = [each for each in main.commands[path[0]].params if each.required]
    others = []
    for each in arguments:
        others += [each.opts[0], "x"] if each.opts[0].startswith("-") else ["x"]
    return (path[0], *others, option.opts[0], *words)


def test_what_is_out_of_range_is_refused_before_anything_is_loaded():
    for path, option, kind in numbers():
        words = (
            ["nan", "inf", "-inf", "x", ""]
            if isinstance(kind, click.FloatRange)
            else []
        )
        words += ["1.5", "nan", "9" * 5000] if isinstance(kind, click.IntRange) else []
        words += [str(kind.min - 1)] + ([str(kind.max + 1)] if kind.max else [])
        words += [str(kind.min)] * bool(kind.min_open)
        for word in words:
            code, line = call(*given(path, option, [word] * option.nargs))
            assert code == 2 and option.opts[0] in line, (path, option.opts, word, line)


@pytest.mark.parametrize(
    "shares", [(0.8, 0.1, 0.2), (0, 0, 0), (0.5, 0.25, 0.2), (1, 1, 1)]
)
def test_shares_sum_to_1(shares):
    code, line = call("prepare", "x", "--split", *shares)
    assert code == 2 and "must sum to 1" in line


# === What is wrong outside of the program ===


@pytest.fixture
def in_the_way(tmp_path):
    """Places where nothing can be written, each with the word that says why."""
    (tmp_path / "file").write_text("")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    return {
        "/proc/none/here": "cannot be made there",
        tmp_path / "file" / "below": "in the way of a folder",
        tmp_path / "ring" / "below": "circular|in the way",
        tmp_path / ("x" * 5000): "too long",
        tmp_path / "a\0b": "NUL",
    }


def test_a_place_that_cannot_be_written_is_reported(in_the_way):
    for place, word in in_the_way.items():
        for write in (make_folder, lambda path: write_whole(path).__enter__()):
            with pytest.raises(InputError, match=word) as caught:
                write(pathlib.Path(place) / "out")
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
        code, line = call("phantom", place, "--studies", 1, "--size", 32)
        assert code and line.startswith("Error: ") and len(line) < 600


@pytest.mark.parametrize("number", sorted(REFUSALS))
def test_what_a_disk_refuses_is_reported(tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), str(tmp_path / "out"))

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    with (
        pytest.raises(InputError, match="out.json: "),
        write_whole(tmp_path / "out.json"),
    ):
        pass
    # Whatever meets it first, with a file's name or without one.
    monkeypatch.setattr("cxrphantom.dataset.write_phantom", refuse)
    code, line = call("phantom", tmp_path / "out")
    assert code == 1 and line == f"Error: {tmp_path}/out: {REFUSALS[number]}"


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path, monkeypatch):
    for fault in (
        ValueError("x"),
        KeyError("x"),
        FileNotFoundError("x"),
        TypeError("x"),
    ):

        def fail(*_, fault=fault, **__):
            raise fault

        monkeypatch.setattr("cxrphantom.dataset.write_phantom", fail)
        assert CliRunner().invoke(main, ["phantom", "x"]).exception is fault
    monkeypatch.setattr("cxrphantom.dataset.write_phantom", _interrupted)
    code, line = call("phantom", "x")
    assert (code, line) == (130, "Stopped.")


def _interrupted(*_, **__):
    raise KeyboardInterrupt


def test_files_to_be_read(in_the_way, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(11))
    places = dict.fromkeys(in_the_way, "")
    places |= {tmp_path: "is a folder", tmp_path / "pipe": "pipe", "/dev/zero": "pipe"}
    for place, word in places.items():
        with pytest.raises(InputError, match=word) as caught:
            require_file(place)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="has 11 bytes, and a card has 10 at most"):
        require_file(tmp_path / "large", "card", most=10)
    assert require_file(tmp_path / "large", most=11) == tmp_path / "large"
    for option in ("-f", "--grid", "--profile"):
        code, line = call(
            "run", ROOT / "notebooks/01_data.ipynb", option, tmp_path / "pipe"
        )
        assert code == 1 and "is a pipe" in line
    assert "is a pipe" in call("run", tmp_path / "pipe")[1]
    assert "is a pipe" in call("grade", tmp_path, "--rubric", tmp_path / "pipe")[1]


def test_an_argument_with_a_nul_is_refused():
    assert call("phantom", "a\0b") == (
        2,
        "Error: An argument holds a NUL; take it out.",
    )


# === Keras as it is set ===


@pytest.mark.parametrize(
    ("backend", "settings", "words"),
    [
        ("tensorflw", None, "KERAS_BACKEND=tensorflw: choose one of tensorflow, jax"),
        ("mxnet", None, "KERAS_BACKEND=mxnet: choose one of"),
        ("", {"floatx": "float7"}, "keras.json: fix or delete it; .* floatx='float7'"),
        ("", {"epsilon": 1}, "keras.json: fix or delete it; .* epsilon=1"),
        ("", {"backend": "theano"}, "keras.json: .* backend='theano'"),
        ("", [1], "keras.json: .* no mapping"),
    ],
)
def test_a_wrongly_set_keras_is_reported(tmp_path, backend, settings, words):
    (tmp_path / "keras.json").write_text(json.dumps(settings or {}))
    places = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": backend}
    call = [sys.executable, "-m", "cxrlib", "report", "--frontal", "x.png"]
    done = subprocess.run(call, capture_output=True, text=True, env=places, cwd=ROOT)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert re.search(words, done.stderr), done.stderr


def test_tensorflow_says_nothing_on_the_command_line(tmp_path):
    (tmp_path / "keras.json").write_text("{broken")  # Keras does without it.
    places = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    places |= {"KERAS_HOME": str(tmp_path)}
    call = [sys.executable, "-m", "cxrlib", "report", "--frontal", "x.png"]
    call += ["--model", "none.keras"]
    done = subprocess.run(call, capture_output=True, text=True, env=places, cwd=ROOT)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "Error: none.keras: there is no such model file. Train one (make demo, or "
        "python -m cxrlib train), or check the path.\n"
    )


def test_head_and_ctrl_c(tmp_path):
    """A reader that has enough is no fault; Ctrl-C is one line."""
    run = [sys.executable, "-m", "cxrlib", "grade", "--schema"]
    piped = " ".join(run) + " | head -c 1"
    done = subprocess.run(
        ["bash", "-c", piped], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stderr == "" and done.stdout == "{"
    run[3:] = ["phantom", str(tmp_path / "out"), "--studies", "100000"]
    going = subprocess.Popen(
        run,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # Whoever started the tests may have had it ignored, as a shell does behind "&".
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("out/**/*.png")):
        assert going.poll() is None
    going.send_signal(signal.SIGINT)
    told = going.communicate(timeout=60)[1]
    assert going.returncode == 130 and told.splitlines()[-1] == "Stopped."
    assert "Traceback" not in told


def test_the_house_knows_its_commands():
    assert isinstance(main, Commands) and work.SIZE.max == 4096
    for name in HEAVY:
        assert type(main.commands[name]).__name__ == "KerasCommand"
    with pytest.raises(InputError, match="size"):
        write_phantom("x", size=16)
