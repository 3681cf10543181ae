"""The bill of materials names what the lock file locks, and is the same each time."""

import json
import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]
LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)


def bill_of_materials(folder: Path, name: str, *more: str) -> bytes:
    """Return the bill of materials as `make sbom` writes it, with more options."""
    recipe = re.search(
        r"^\t@\$\(BIN\)/python (.*cyclonedx_py.*)$", (REPO / "Makefile").read_text(), re.MULTILINE
    )
    assert recipe
    arguments = recipe[1].replace("--output-file sbom.json", f"--output-file {folder / name}").split()
    subprocess.run([sys.executable, *arguments, *more], cwd=REPO, check=True)
    return (folder / name).read_bytes()


def test_the_bill_of_materials_names_every_locked_package_and_is_reproducible(tmp_path: Path) -> None:
    first = bill_of_materials(tmp_path, "first.json")
    document = json.loads(first)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "firstclaim"
    listed = {(component["name"], component["version"]) for component in document["components"]}
    locked = set(LOCKED.findall((REPO / "requirements.lock").read_text()))
    assert len(locked) > 100
    assert listed == locked
    assert all(
        hashed["alg"] == "SHA-256"
        for component in document["components"]
        for hashed in component["externalReferences"][0]["hashes"]
    )
    # The first was validated as it was written, which takes six of its seven seconds and changes no byte.
    assert bill_of_materials(tmp_path, "second.json", "--no-validate") == first


def test_every_locked_package_has_hashes() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", (REPO / "requirements.lock").read_text(), flags=re.MULTILINE)
    assert [
        block.splitlines()[0] for block in blocks if LOCKED.match(block) and "--hash=sha256:" not in block
    ] == []
