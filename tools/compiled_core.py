"""Compiles the hot modules to C extensions: `python -m tools.compiled_core`, which `make compiled` calls.

It needs Cython (`pip install firstclaim[compiled]`) and a C compiler, which `CC` and `CFLAGS` may name. The sources are
compiled as they are: no types are read from annotations, and nothing is declared beside them. `inline_caches.h` lets
the C code remember where attributes are, as Python 3.11's interpreter does.

`streams.compiled_core` uses the extensions. `--remove` removes them. `setup.py` puts them into a wheel.

The extensions go into one folder beside `streams/compiled_core.py`, in a checkout as in `site-packages`. The folder is
replaced when all modules are compiled; if one fails, what was there stays.
"""

import argparse
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from streams.compiled_core import FOLDER, MANIFEST, ROOT, SUFFIX, digest_of, extension, source

MODULES: Final = (
    # From the fetch to the agent: each record passes these.
    *("streams.fetched_records", "streams.batch_records", "streams.patches.fetched_messages"),
    *("streams.patches.message_delivery", "agents.stage"),
    # The stages and what counts for them.
    *("agents.leads", "agents.orgs", "agents.relay", "agents.decision_metrics", "agents.watermarks"),
    # What a claim is decided by.
    *("rules.lead.lead_partition", "rules.lead.machine", "rules.lead.actions", "rules.lead.transition"),
    *("rules.lead.settlement", "rules.lead.kept_rows", "models.kept_answers"),
    *("rules.lead.erasure", "rules.lead.merging", "rules.lead.distribution", "rules.lead.waiting"),
    *("rules.lead.partition_indexes", "rules.queues.rule_book", "rules.queues.membership"),
    *(
        "rules.queues.queue_eligibility",
        "streams.stage_table",
        "agents.due_pace",
        "streams.dead_letter_reading",
    ),
    # An org's event.
    *("rules.org.org_partition", "rules.org.machine", "rules.org.transition"),
    *("rules.org.capacity", "rules.org.state", "rules.org.place_reservation", "rules.org.rep_departure"),
    # What others are told.
    *("rules.outbound.public_messages", "rules.outbound.lead_org_messages"),
    *("rules.outbound.notifications", "rules.queues.personal_queues"),
    # From the decision to the acknowledgement: bytes, sizes, traces, batches, receipts.
    *("models.codec", "models.record_size", "streams.tracing"),
    *("streams.journal", "streams.receipts", "streams.patches.filling_batch"),
)
"""The modules through which each claim goes. Those of conditions, which arrivals go through, gained nothing that could
be measured (docs/decisions/0032)."""

_DIRECTIVES: Final = "annotation_typing=False,binding=True"
"""Annotations are not taken as C types, so values are what they are without compilation. Functions have names, defaults
and attributes as Python's have."""
_FLAGS: Final = ("-shared", "-fPIC", "-O2", "-g0", "-fwrapv", "-w")
_CACHES: Final = Path(__file__).with_name("inline_caches.h")
_CACHES_END: Final = Path(__file__).with_name("inline_caches_end.h")
_CODE_BEGINS, _CODE_ENDS = (
    f"/* #### Code section: {name} ### */\n" for name in ("module_code", "module_exttypes")
)
"""What Cython writes before a module's functions and after them."""
_SECONDS: Final = 600
"""The longest that one module may take in one of the two compilers."""
_MAX_LINES: Final = 20
"""How much of a compiler's message is shown."""


class BuildFailedError(Exception):
    """The core cannot be compiled. The message says why."""


def main() -> int:
    """Compile the core, or remove it. Return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--remove", action="store_true", help="remove the compiled core instead")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder")
    arguments = parser.parse_args()
    folder: Path = arguments.into.absolute()
    if arguments.remove:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{folder} is removed; the sources run")  # noqa: T201
        return 0
    try:
        build(folder)
    except BuildFailedError as error:
        print(f"the core is not compiled: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{len(MODULES)} modules are compiled into {folder}")  # noqa: T201
    return 0


def build(folder: Path, modules: Sequence[str] = MODULES, root: Path = ROOT) -> None:
    """Compile modules, and put them into a folder instead of what is there. Raises BuildFailedError."""
    if importlib.util.find_spec("Cython") is None:
        raise BuildFailedError("Cython is not installed; pip install 'firstclaim[compiled]' installs it")
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise BuildFailedError(
            "there is no C compiler cc, and CC names none; on Debian apt-get install gcc libc6-dev"
        )
    folder, root = folder.absolute(), root.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
        built = Path(work) / "built"
        built.mkdir()
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            digests = list(pool.map(partial(_compile, compiler, root, Path(work), built), modules))
        headers = {header.name: digest_of(header.read_bytes()) for header in (_CACHES, _CACHES_END)}
        sources = dict(zip(modules, digests, strict=True))
        manifest = {"suffix": SUFFIX, "sources": sources, "headers": headers}
        (built / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)


def _compile(compiler: str, root: Path, work: Path, built: Path, name: str) -> str:
    """Compile one module; return its source's digest.

    A copy is compiled, so that the digest is of what was compiled even if somebody edits the source meanwhile.
    """
    content = source(root, name).read_bytes()
    copy = source(work / "sources", name)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    relative = copy.relative_to(work / "sources")
    c_file = work / f"{name}.c"
    cython = [sys.executable, "-m", "cython", "-3", "-X", _DIRECTIVES, "--module-name", name]
    # It runs in the copies' folder, so that a traceback names the source as the checkout does.
    _run(name, [*cython, "-o", str(c_file), str(relative)], work / "sources")
    _insert_caches(c_file)
    includes = (f"-I{sysconfig.get_path('include')}", f"-I{_CACHES.parent}")
    flags = (*_FLAGS, *shlex.split(os.environ.get("CFLAGS", "")), *includes)
    _run(name, [compiler, *flags, "-o", str(extension(built, name)), str(c_file)], work)
    return digest_of(content)


def _insert_caches(c_file: Path) -> None:
    """Give a module's functions inline caches, but not what Cython adds to them.

    A Cython that writes other sections gets none. The module does the same without.
    """
    before, begins, rest = c_file.read_text().partition(_CODE_BEGINS)
    functions, ends, after = rest.partition(_CODE_ENDS)
    if begins and ends:
        includes = f'#include "{_CACHES.name}"\n', f'#include "{_CACHES_END.name}"\n'
        c_file.write_text("".join((before, begins, includes[0], functions, includes[1], ends, after)))


def _run(name: str, command: list[str], folder: Path) -> None:
    try:
        completed = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailedError(f"{name}: {Path(command[0]).name} took more than {_SECONDS} s") from None
    if completed.returncode:
        output = "\n".join(completed.stdout.strip().splitlines()[-_MAX_LINES:])
        raise BuildFailedError(f"{name}: {' '.join(map(str, command[:3]))} says:\n{output}")


if __name__ == "__main__":
    sys.exit(main())
