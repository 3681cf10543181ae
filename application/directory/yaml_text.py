"""Reads and writes YAML: times stay texts, and a duplicate key is an error instead of being dropped.

YAML 1.1 reads `20:00` as the number 1200 and a date as Python's; both are refused by a contract of texts, with
reasons nobody would understand. JSON is YAML and is read as well.
"""

from typing import Any, Final

import yaml

_MERGE: Final = "<<"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that keeps times as texts and refuses duplicate keys."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping; raises `yaml.YAMLError` where a key is there twice."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != _MERGE:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return node


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _whole(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return _text(loader, node) if ":" in node.value else loader.construct_yaml_int(node)


def _number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return _text(loader, node) if ":" in node.value else loader.construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)

_CONSTRUCTION: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML lets out where a value does not fit its tag, as in `!!int seven`."""


def load(content: bytes) -> Any:
    """Read a document; raises `ValueError` with the reason and, where it is known, the line."""
    try:
        return yaml.load(content, _Loader)  # noqa: S506  # it is a safe one
    except (yaml.YAMLError, *_CONSTRUCTION) as error:
        raise ValueError(" ".join(str(error).split())) from error


def dump(document: Any) -> str:
    """Write a document in the order it has; `load` of it is the same."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
    return text
