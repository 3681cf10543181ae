"""Renders the Helm chart with a real Helm, for the tests, which have none.

    make chart

Each file of deploy/helm/rendered begins with the digest of what it was made from, so a test knows that it is current.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

HELM: Final = Path(__file__).parents[1] / "deploy" / "helm"
CHART: Final = HELM / "firstclaim"
RENDERED: Final = HELM / "rendered"
RELEASE: Final = "leads"
KUBERNETES: Final = "1.37.0"
VALUES: Final[dict[str, tuple[Path, ...]]] = {
    "default": (),
    "everything": (HELM / "examples" / "everything.yaml",),
}
"""name of a rendered file -> the values it was made with, besides the chart's own."""


def digest(name: str) -> str:
    """Return the digest of all files from which one file is rendered."""
    hasher = hashlib.sha256()
    for path in (*sorted(path for path in CHART.rglob("*") if path.is_file()), *VALUES[name]):
        hasher.update(path.relative_to(HELM).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()


def header(name: str) -> str:
    """Return the first line of a rendered file."""
    return f"# Made by `make chart` from {digest(name)}. Do not edit.\n"


def main(helm: str) -> None:
    """Lint the chart, and render it with each file of values. `helm`: the program."""
    RENDERED.mkdir(exist_ok=True)
    for name, files in VALUES.items():
        value_options = [option for path in files for option in ("--values", str(path))]
        subprocess.run([helm, "lint", "--strict", str(CHART), *value_options], check=True)
        output = subprocess.run(
            [helm, "template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *value_options],
            check=True,
            capture_output=True,
            text=True,
        )
        (RENDERED / f"{name}.yaml").write_text(header(name) + output.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
