"""N1: each file of a channel names the kind of its requests and how it is opened."""

from importlib import import_module
from typing import get_args

import pytest

from couriers.channels import NAMES, fate_name_of, kind_of, opener
from couriers.port import FateName, Kind
from models.errors import ConfigError


@pytest.mark.parametrize("name", NAMES)
def test_n1_each_channel_has_a_kind_and_can_be_opened(name: str) -> None:
    assert kind_of(name) in get_args(Kind)
    assert opener(name) is import_module(f"couriers.channels.{name}").open_channel


def test_n1_each_channel_has_a_name_of_its_own_for_its_fates() -> None:
    names = [fate_name_of(name) for name in NAMES]
    assert len(names) == len(set(names))
    assert set(names) <= set(get_args(FateName))


def test_n1_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'fax' is not a channel; the channels are .*mail"):
        opener("fax")
