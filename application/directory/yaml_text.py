"""Reads and writes YAML. Times stay texts, and a duplicate key is an error instead of being dropped.

YAML 1.1 reads `20:00` as the number 1200 and a date as Python's date. The contract expects texts and would refuse
both with reasons that nobody understands. JSON is YAML and is read as well.
"""

from typing import Any, BinaryIO, Final

import yaml

MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest document. A directory of 10,000 reps has about 2 MB."""
MAX_DEPTH: Final = 64
"""The deepest nesting of lists and objects."""
MAX_VALUES: Final = 2_000_000
"""The most values of one document, if each alias counts as a copy of what it names."""
_MERGE: Final = "<<"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with changes: it keeps times as texts, refuses duplicate keys, and has bounds."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0
        self._sizes: dict[yaml.Node, int] = {}
        self._open: set[yaml.Node] = set()

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Read a node. Raises `yaml.YAMLError` where nodes are nested too deep."""
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.composer.ComposerError(None, None, f"is nested deeper than {MAX_DEPTH}", mark)
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def get_single_node(self) -> yaml.Node | None:
        """Read the document's root. Raises `yaml.YAMLError` where its aliases make it too large, or endless."""
        root = super().get_single_node()
        if root is not None and self._size(root) > MAX_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f"has more than {MAX_VALUES} values with all its aliases", root.start_mark
            )
        return root

    def _size(self, node: yaml.Node) -> int:
        """Return how many values a node has if each alias is a copy. Each node is visited once."""
        if isinstance(node, yaml.ScalarNode):
            return 1
        size = self._sizes.get(node)
        if size is None:
            if node in self._open:
                raise yaml.composer.ComposerError(None, None, "an alias contains itself", node.start_mark)
            self._open.add(node)
            mapping = isinstance(node, yaml.MappingNode)
            inner = [part for pair in node.value for part in pair] if mapping else node.value
            size = self._sizes[node] = 1 + sum(map(self._size, inner))
            self._open.discard(node)
        return size

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping. Raises `yaml.YAMLError` for a duplicate key."""
        node = super().compose_mapping_node(anchor)
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != _MERGE:
                if key.value in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value} occurs twice", key.start_mark
                    )
                keys.add(key.value)
        return node


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _check_whole(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return _text(loader, node) if ":" in node.value else loader.construct_yaml_int(node)


def _number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return _text(loader, node) if ":" in node.value else loader.construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:int", _check_whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)

_CONSTRUCTION: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML raises where a value does not fit its tag, as in `!!int seven`."""


def load(content: bytes) -> Any:
    """Read a document. Raises `ValueError` with the reason and, where it is known, the line.

    Every file that a person gives is read here. Size, nesting and the expansion of aliases are bounded.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"has {len(content)} bytes; {MAX_BYTES} are allowed")
    try:
        return yaml.load(content, _Loader)  # noqa: S506  # _Loader is a safe loader
    except (yaml.YAMLError, *_CONSTRUCTION) as error:
        raise ValueError(" ".join(str(error).split())) from error


def read_bounded(file: BinaryIO) -> bytes:
    """Return a file's bytes, at most one more than `load` accepts, so that a larger file is not read into memory."""
    return file.read(MAX_BYTES + 1)


def dump(document: Any) -> str:
    """Write a document in its own order. `load` returns the same document."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
    return text
