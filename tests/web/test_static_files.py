"""The console's scripts, styles and templates: all are used, all exist, and nothing names a registry of one machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).parents[2] / "web"
SCRIPTS: Final = sorted((WEB / "static" / "js").rglob("*.js"))
TEMPLATES: Final = sorted((WEB / "templates").glob("*.html"))
STYLES: Final = sorted((WEB / "static" / "css").glob("*.css"))
COMPUTED: Final = re.compile(r"(s|dash)\d")
"""Classes that a script makes of a number: the series of a plot."""
_IMPORT: Final = re.compile(r'from "(\.[^"]+\.js)"')
_IMPORTED: Final = re.compile(r"import \{([^}]*)\}")
_EXPORT: Final = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)


def _imports(script: Path) -> set[Path]:
    return {(script.parent / name).resolve() for name in _IMPORT.findall(script.read_text())}


def _files_loaded() -> set[Path]:
    text = "".join(template.read_text() for template in TEMPLATES)
    return {(WEB / name.removeprefix("/")).resolve() for name in re.findall(r'"(/static/[^"]+)"', text)}


def _unused_exports() -> Iterator[str]:
    text = "\n".join(script.read_text() for script in SCRIPTS)
    imported = {
        name.split()[0] for names in _IMPORTED.findall(text) for name in names.split(",") if name.strip()
    }
    modules = set(re.findall(r"import \* as (\w+)", text))
    for script in SCRIPTS:
        for name in _EXPORT.findall(script.read_text()):
            if name not in imported and not any(f"{module}.{name}" in text for module in modules):
                yield f"{script.relative_to(WEB)}: {name}"


def test_every_file_that_a_page_loads_exists_and_every_script_is_loaded() -> None:
    loaded = _files_loaded()
    assert [path for path in loaded if not path.exists()] == []
    reached, waiting = set(), [path for path in loaded if path.suffix == ".js" and "vendor" not in path.parts]
    while waiting:
        script = waiting.pop()
        if script not in reached:
            reached.add(script)
            waiting += _imports(script)
    assert reached == {script.resolve() for script in SCRIPTS}


def test_every_export_is_imported_by_another_script() -> None:
    assert list(_unused_exports()) == []


def test_every_class_of_the_styles_is_in_a_template_or_a_script() -> None:
    used = "\n".join(path.read_text() for path in (*TEMPLATES, *SCRIPTS))
    for style in STYLES:
        selectors = " ".join(
            re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", style.read_text(), flags=re.DOTALL))
        )
        classes = set(re.findall(r"\.([a-zA-Z][\w-]*)", selectors))
        unused = {
            name
            for name in classes
            if not COMPUTED.fullmatch(name) and not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", used)
        }
        assert unused == set(), style.name


def test_every_template_is_rendered_or_included() -> None:
    python = "\n".join(path.read_text() for path in WEB.rglob("*.py"))
    used = python + "\n".join(path.read_text() for path in TEMPLATES)
    assert [path.name for path in TEMPLATES if f'"{path.name}"' not in used] == []


def test_the_lock_files_of_npm_name_no_registry() -> None:
    for lock in (WEB / "package-lock.json", WEB / "island" / "package-lock.json"):
        packages = json.loads(lock.read_text())["packages"]
        assert [name for name, package in packages.items() if "resolved" in package] == []
        assert all("integrity" in package for name, package in packages.items() if name), lock


def test_the_dark_scheme_changes_colours_and_nothing_else() -> None:
    """So pages are checked in it by the rules about colours alone (`tests/web/axe.py`)."""
    blocks = [
        block
        for style in STYLES
        for block in re.findall(
            r"@media \(prefers-color-scheme: dark\) \{((?:[^{}]*\{[^{}]*\})*)\s*\}", style.read_text()
        )
    ]
    assert len(blocks) == sum(style.read_text().count("prefers-color-scheme") for style in STYLES) > 0
    for block in blocks:
        for name, value in re.findall(r"([\w-]+):\s*([^;}]+)", " ".join(re.findall(r"\{([^{}]*)\}", block))):
            assert name.startswith("--"), (name, value)
            assert re.fullmatch(r"#[0-9a-f]{3,8}", value.strip()), (name, value)
    assert [script.name for script in SCRIPTS if "color-scheme" in script.read_text()] == []
