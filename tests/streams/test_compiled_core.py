"""The compiled core does what its sources do, and one that does not fit the sources is never used."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from models.errors import ConfigError
from runtime import doctor
from streams import compiled_core
from streams.compiled_core import MANIFEST, REQUIRED, ROOT, VARIABLE, usable, use
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS
from tools.compiled_core import MODULES, BuildFailedError, build

A_PART: Final = (
    *("agents.leads", "agents.relay", "streams.journal", "streams.receipts", "models.codec"),
    *("rules.lead.lead_partition", "rules.lead.machine", "rules.outbound.public_messages"),
)
"""A stage, the relay, the writer and the lead machine. All together are compiled by `make compiled` only."""
SEEDS: Final = 4
UNOPTIMISED: Final = "-O0"
"""Half of the compiler's time, and the same results."""

TINY: Final = "def double(number: int) -> int:\n    return number * 2\n"
RUN_TINY: Final = """
import sys
from pathlib import Path
from streams import compiled_core
folder, root = map(Path, sys.argv[1:])
sys.path.insert(0, str(root))
core = compiled_core.use({}, folder, root)
import tiny
print(core.name, tiny.double(21), Path(tiny.__file__).suffix, core.reason, sep="|")
"""


def python(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_PATIENCE_SECONDS,
    )


def compiled_run(folder: Path | str) -> dict[str, Any]:
    """Run the schedules and the history with a core; `-`: with none."""
    result = python("-m", "tests.simulation.compiled_run", folder, str(SEEDS), PYTHONHASHSEED="7")
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_q8_x4_x7_compiled_modules_write_the_same_logs_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", UNOPTIMISED)
    build(tmp_path / "core", A_PART)
    from_sources, compiled = compiled_run("-"), compiled_run(tmp_path / "core")
    assert (from_sources["compiled"], compiled["compiled"]) == ([], sorted(A_PART))
    assert compiled["records"] > 1_000
    assert compiled["logs"] == from_sources["logs"]


def test_the_modules_are_there_once_and_no_command_imports_one_before_the_core_is_used() -> None:
    assert len(set(MODULES)) == len(MODULES)
    assert [name for name in MODULES if not compiled_core.source(ROOT, name).is_file()] == []
    result = python("-c", "import sys, cli; print(*sys.modules)")
    assert result.returncode == 0, result.stderr
    assert set(MODULES) & set(result.stdout.split()) == set()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile a tiny module; return the folder with its source and its core."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "tiny.py").write_text(TINY)
    build(root / "core", ("tiny",), root)
    return root


@pytest.fixture
def tiny(built: Path) -> Path:
    """Return the folder, with the source that was compiled."""
    (built / "tiny.py").write_text(TINY)
    return built


def run_tiny(root: Path) -> list[str]:
    """Let a process use the core and import the module; return core, result, suffix of its file, and reason."""
    result = python("-c", RUN_TINY, root / "core", root)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().split("|")


def test_the_doctor_finds_a_core_that_is_there_and_cannot_be_used(tiny: Path) -> None:
    current = doctor.core(tiny / "core", tiny)
    assert (current.ok, current.detail) == (True, "1 modules, from these sources")
    (tiny / "tiny.py").write_text(TINY.replace("* 2", "* 3"))
    stale = doctor.core(tiny / "core", tiny)
    assert not stale.ok
    assert "changed after it was compiled" in stale.detail
    assert "make compiled" in stale.hint
    none = doctor.core(tiny / "no-core", tiny)
    assert (none.ok, none.detail, none.hint) == (True, "is not used: it is not built", "")


def test_a_process_imports_the_compiled_module(tiny: Path) -> None:
    assert run_tiny(tiny) == ["compiled", "42", ".so", ""]


def test_a_core_with_another_header_than_the_one_that_is_there_is_not_used(
    tiny: Path, tmp_path: Path
) -> None:
    """A mend of the inline caches must reach the machine code."""
    tiny = shutil.copytree(tiny, tmp_path / "copy")
    path = tiny / "core" / MANIFEST
    manifest = json.loads(path.read_bytes())
    assert sorted(manifest["headers"]) == ["inline_caches.h", "inline_caches_end.h"]
    manifest["headers"]["inline_caches.h"] = "0" * 64
    path.write_text(json.dumps(manifest))
    core, result, suffix, reason = run_tiny(tiny)
    assert (core, result, suffix) == ("interpreted", "42", ".py")
    assert reason.endswith("inline_caches.h changed after it was compiled; compile again")


def test_a_changed_source_runs_instead_of_what_was_compiled(tiny: Path) -> None:
    (tiny / "tiny.py").write_text(TINY.replace("* 2", "* 3"))
    core, result, suffix, reason = run_tiny(tiny)
    assert (core, result, suffix) == ("interpreted", "63", ".py")
    assert reason == f"{tiny / 'tiny.py'} changed after it was compiled; compile again"


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be one without a core, also where the suite runs on one."""
    finders = [finder for finder in sys.meta_path if "CoreFinder" not in repr(finder)]
    monkeypatch.setattr(sys, "meta_path", finders)
    monkeypatch.setattr(compiled_core, "_core", compiled_core.Core(0, "not asked for yet"))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda core: (core / MANIFEST).write_text("{"), "cannot be read"),
        (
            lambda core: (core / MANIFEST).write_text(
                '{"suffix": ".cpython-27.so", "sources": {}, "headers": {}}'
            ),
            "-27.so",
        ),
        (lambda core: next(core.glob("*.so")).unlink(), "is missing; compile again"),
        (lambda core: (core / MANIFEST).unlink(), "it is not built"),
    ],
)
def test_a_core_that_does_not_fit_is_not_used_and_says_why(
    tiny: Path, tmp_path: Path, damage: Any, reason: str
) -> None:
    core = tmp_path / "core"
    core.mkdir()
    for file in (tiny / "core").iterdir():
        (core / file.name).write_bytes(file.read_bytes())
    assert usable(core, tiny) == (frozenset({"tiny"}), "")
    damage(core)
    modules, why = usable(core, tiny)
    assert modules == frozenset()
    assert reason in why
    with pytest.raises(ConfigError, match="is required, and the compiled core cannot be used"):
        use({VARIABLE: REQUIRED}, core, tiny)
    assert compiled_core.running().name == "interpreted"


@pytest.mark.usefixtures("interpreted")
def test_a_module_that_was_imported_before_leaves_the_core_unused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the process would run a part of it, and say that it runs all."""
    monkeypatch.setitem(sys.modules, "tiny", compiled_core)
    core = use({}, tiny / "core", tiny)
    assert core == (0, "tiny was imported before")
    assert not any("CoreFinder" in repr(finder) for finder in sys.meta_path)


def test_a_module_that_does_not_compile_is_named_and_the_former_core_stays(tiny: Path) -> None:
    (tiny / "broken.py").write_text("def f(:\n")
    with pytest.raises(BuildFailedError, match=r"broken: .*says:\n[\s\S]*broken\.py"):
        build(tiny / "core", ("tiny", "broken"), tiny)
    assert usable(tiny / "core", tiny) == (frozenset({"tiny"}), "")
    assert [file.name for file in tiny.iterdir() if file.name.startswith(".")] == []


def test_without_a_compiler_the_error_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", str(tiny / "no-compiler"))
    with pytest.raises(BuildFailedError, match=r"no C compiler .* apt-get install gcc"):
        build(tiny / "core", ("tiny",), tiny)


def test_a_wrong_word_in_the_variable_ends_the_worker_as_a_wrong_setting() -> None:
    result = python("-m", "cli", "worker", FIRSTCLAIM_COMPILED_CORE="perhaps")
    assert result.returncode == 78
    assert f"{VARIABLE}: is 'perhaps'; it must be auto, off or required" in result.stderr
