"""Fixtures of the tests of inline caches: one module, from its source and compiled."""

import pytest

from tests.fixtures.cached_places import Places, places_of


@pytest.fixture(scope="module")
def built_places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Places]:
    """Return the places, from the module's source and compiled."""
    return places_of(tmp_path_factory.mktemp("places"))


@pytest.fixture(params=["source", "compiled"])
def places(request: pytest.FixtureRequest, built_places: dict[str, Places]) -> Places:
    """Return the places, once from its source and once compiled."""
    return built_places[request.param]
