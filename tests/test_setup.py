"""The set-up: lists of packages agree, the scripts say what is wrong, a wheel is complete."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

packaging_requirements = pytest.importorskip("packaging.requirements")
yaml = pytest.importorskip("yaml")

Requirement = packaging_requirements.Requirement
ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ["env", "lab", "test", "notebooks", "pins", "run"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
IN_THE_ENVIRONMENT = [
    "course",
    "test",
    "browser",
    "classroom",
    "dev",
    "mutation",
    "benchmarks",
]  # as in .ci/pins
IN_CONDA = ["course", "test"]


def wanted(extras) -> list[Requirement]:
    names = [*PROJECT["dependencies"], *(name for extra in extras for name in EXTRAS[extra])]
    return [Requirement(name) for name in names]


# --- requirements.txt ----------------------------------------------------------------------------


def pins() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines]


def test_pins_hold_versions_and_nothing_else():
    # No option, no address, no path of a machine, not even in a comment.
    line = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.+!]*( ; [a-z_]+ [<>=!].*)?")
    for text in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert line.fullmatch(text), text
        assert "/" not in text and "@" not in text, text


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_pins_hold_all_that_the_project_asks_for(python, system):
    names = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
    where = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": names[system],
        "os_name": "nt" if system == "win32" else "posix",
    }
    pinned = {}
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate(where):
            assert pin.name not in pinned, f"{pin.name} has two versions for Python {python}"
            pinned[pin.name] = next(iter(pin.specifier)).version
    for want in wanted(IN_THE_ENVIRONMENT):
        assert want.name in pinned, f"{want} is not in requirements.txt; run `make pins`"
        assert want.specifier.contains(pinned[want.name]), f"{want}: run `make pins`"


def test_no_lock_file_and_no_address_of_a_package_index():
    assert not (ROOT / "uv.lock").exists()
    names = ["pyproject.toml", "requirements.txt", "environment.yml", "Makefile"]
    for file in [ROOT / name for name in [*names, *(f".ci/{script}" for script in SCRIPTS)]]:
        text = file.read_text(encoding="utf-8")
        found = re.search(r"index-url *[=h]|find-links *[=/]|/simple\b|pythonhosted", text)
        assert found is None, f"{file.name}: {found}"


# --- environment.yml -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conda() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_conda_asks_for_the_same(conda):
    specs = [spec for spec in conda["dependencies"] if isinstance(spec, str)]
    assert len(specs) == len(set(specs))
    expected = {str(want) for want in wanted(IN_CONDA)}
    expected |= {"pip", "python" + PROJECT["requires-python"]}
    assert set(specs) == expected


def test_conda_installs_the_course_from_its_folder(conda):
    assert [spec for spec in conda["dependencies"] if isinstance(spec, dict)] == [{"pip": ["-e ."]}]
    assert conda["name"] == PROJECT["name"]
    assert conda["channels"] == ["conda-forge", "nodefaults"]


def test_conda_specs_are_well_formed(conda):
    rattler = pytest.importorskip("rattler", reason="py-rattler reads conda's specs")
    for spec in conda["dependencies"]:
        if isinstance(spec, str):
            match = rattler.MatchSpec(spec, strict=True)
            assert match.name is not None
            assert (match.version is None) == (spec == "pip")


# --- the wheel -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_wheel_holds_package_style_and_corpus(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.name.startswith(f"w2vlib-{PROJECT['version']}-py3-none-any")
    assert {"w2vlib/__init__.py", "w2vlib/w2vlib.mplstyle", "w2vlib/plotting.py"} <= names
    data = {f"w2vlib/_data/{p.name}" for p in (ROOT / "data").iterdir() if p.is_file()}
    assert data and data <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


# --- scripts and Makefile ------------------------------------------------------------------------

needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")


@needs_sh
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_run_and_parsed(name):
    script = ROOT / ".ci" / name
    assert os.access(script, os.X_OK)
    shell = "bash" if name == "run" else "sh"
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    "target", ["help", "env", "lab", "test", "notebooks", "format", "pins", "mutants"]
)
def test_make_knows_its_targets(target):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of what the scripts need, in a folder with a blank in its name."""
    folder = tmp_path / "a course"
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    for name in ("requirements.txt", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def fake_python(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def run(folder: Path, script: str, *arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(folder / ".ci" / script), *arguments],
        cwd="/",
        env={"HOME": str(folder), "PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def one_line(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def tools(folder: Path) -> str:
    """A PATH with the few programs that the scripts need, and no Python."""
    folder.mkdir()
    for name in ("sh", "cat", "cksum", "cut", "dirname", "rm", "sed"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


FAKES = {
    # What the program answers to `-c …`: first "are you there", then "are you new enough", …
    "absent": (None, "found no python3"),
    "a shim with nothing behind it": ("exit 127", "found no python3"),
    "too old": (
        'case $2 in "") ;; *print*) echo 3.9 ;; *) exit 1 ;; esac',
        "found Python 3.9, but the course needs Python 3.11 or newer",
    ),
    "no venv module": ("case $2 in *venv*) exit 1 ;; esac", "python3 has no venv module"),
}


@needs_sh
@pytest.mark.parametrize("name", FAKES)
def test_one_line_says_which_python_is_missing(name, copy, tmp_path):
    script, sentence = FAKES[name]
    path = tools(tmp_path / "bin")
    if script is not None:
        fake_python(tmp_path / "bin", "python3", script)
    assert sentence in one_line(run(copy, "env", PATH=path))


@needs_sh
def test_one_line_says_that_the_named_python_does_not_fit(copy):
    assert "PYTHON=/no/python is not" in one_line(run(copy, "env", PYTHON="/no/python"))


@needs_sh
@pytest.mark.slow
def test_one_line_says_that_there_is_no_network(copy):
    # Port 9 of this machine answers nobody.
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull}
    done = run(copy, "env", PYTHON=sys.executable, **nowhere)
    line = one_line(done)
    assert "is there a network?" in line
    log = Path(re.search(r"details: (.*)\)", line).group(1))
    assert log.is_file()
    assert not (copy / ".venv" / "stamp").exists()  # the next call starts again


@pytest.fixture
def finished(copy) -> Path:
    """The copy with an environment that seems to be made."""
    fake_python(copy / ".venv", "x", "")
    (copy / ".venv" / "bin").mkdir()
    fake_python(copy / ".venv" / "bin", "python", f'exec "{sys.executable}" "$@"')
    sums = '(cat requirements.txt pyproject.toml && echo "$PWD") | cksum'
    stamp = subprocess.run(["sh", "-c", sums], cwd=copy, capture_output=True, check=True).stdout
    (copy / ".venv" / "stamp").write_bytes(stamp)
    return copy


@needs_sh
def test_a_finished_environment_needs_no_network_and_says_nothing(finished, tmp_path):
    done = run(finished, "env", PATH=tools(tmp_path / "bin"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_sh
@pytest.mark.parametrize("change", ["requirements.txt", "pyproject.toml"])
def test_a_change_of_what_is_needed_makes_it_anew(change, finished, tmp_path):
    (finished / change).write_text("# changed\n", encoding="utf-8")
    assert "found no python3" in one_line(run(finished, "env", PATH=tools(tmp_path / "bin")))


@needs_sh
def test_one_line_says_that_the_port_is_taken(finished):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = one_line(run(finished, "lab", PORT=str(port)))
    assert f"port {port} is taken" in line


@needs_sh
@pytest.mark.parametrize("port", ["0", "65536", "-1", "abc", "88 89"])
def test_one_line_says_that_the_port_is_no_port(port, finished):
    assert "PORT must be a number" in one_line(run(finished, "lab", PORT=port))


# --- texts ---------------------------------------------------------------------------------------


def test_licence_is_mit():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "word2vec from scratch contributors" in text
    assert PROJECT["license"] == "MIT"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_texts_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", re.sub(r"`[^`\n]+`", "", text)):
        if not re.match(r"https?:", target):
            assert (ROOT / target).exists(), target


def test_the_readme_names_commands_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^|`|/python3.12 )make (?:-C \S+ )?([a-z]+)\b", text, re.M))
    assert {"lab", "test", "env"} <= commands
    for command in commands:
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE), command
