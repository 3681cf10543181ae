"""An address of Valkey names one server, or sentinels. A malformed one is refused with the reason and no secret."""

import pytest

from models.errors import ConfigError
from streams.masking import without_secrets
from streams.settings import Settings
from streams.valkey_url import hosts_of, is_encrypted, sentinel_address, url_without_secrets

WHOLE = (
    "rediss+sentinel://board:p%40ss@valkey-a:26380, valkey-b,[::1]:26381/main/3"
    "?ssl_ca_certs=/ca.crt&sentinel_username=asks&sentinel_password=other%2Fsecret"
)


def test_all_parts_of_an_address_of_sentinels_are_read() -> None:
    address = sentinel_address(WHOLE)
    assert address is not None
    assert address.hosts == (("valkey-a", 26380), ("valkey-b", 26379), ("::1", 26381))
    assert address.primary == "main"
    assert address.server == "rediss://board:p%40ss@/3?ssl_ca_certs=%2Fca.crt"
    assert address.sentinel == "rediss://asks:other%2Fsecret@/?ssl_ca_certs=%2Fca.crt"
    assert hosts_of(WHOLE) == ["valkey-a", "valkey-b", "::1"]
    assert is_encrypted(WHOLE)
    plain = sentinel_address("redis+sentinel://one:1/mymaster")
    assert plain is not None
    assert (plain.server, plain.sentinel) == ("redis:///0", "redis:///")


def test_an_address_is_shown_without_its_secrets() -> None:
    settings = Settings.read(redis_url=WHOLE)
    assert settings.redis_url == WHOLE
    for text in (
        repr(settings),
        url_without_secrets(WHOLE),
        repr(sentinel_address(WHOLE)),
        without_secrets(WHOLE),
    ):
        assert "p%40ss" not in text
        assert "p@ss" not in text
        assert "secret" not in text
    assert (
        url_without_secrets(WHOLE)
        == "rediss+sentinel: main of the sentinels valkey-a:26380,valkey-b:26379,::1:26381"
    )
    assert url_without_secrets("redis://board:secret@valkey:6379/0") == "redis://valkey:6379/0"


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://:p@valkey/1", "unix:///run/valkey.sock"]
)
def test_the_address_of_one_server_is_none_of_sentinels(url: str) -> None:
    assert sentinel_address(url) is None
    assert Settings.read(redis_url=url).redis_url == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("valkey:6379", "must begin with redis://"),
        ("sentinel://a:1/mymaster/0", "redis+sentinel://"),
        ("redis+sentinel://a:26379", "names no primary"),
        ("redis+sentinel://a:26379//0", "names no primary"),
        ("redis+sentinel://a:26379/mymaster/first", "the database 'first', which must be a number"),
        ("redis+sentinel:///mymaster/0", "'', which is not host:port"),
        ("redis+sentinel://a:26379,/mymaster/0", "'', which is not host:port"),
        ("redis+sentinel://a:99999/mymaster/0", "'a:99999', which is not host:port"),
        ("redis+sentinel://a:b/mymaster/0", "'a:b', which is not host:port"),
        ("redis+sentinel://a/m/0?sentinel_username=u", "sentinel_username and no sentinel_password"),
        ("redis+sentinel://a/m/0?sentinel_user=u", "the option sentinel_user;"),
        (f"redis+sentinel://{','.join('abcdefghijklmnopq')}/m/0", "17 sentinels; 16 are enough"),
        ("redis+sentinel://u:se/cret@a:1/m/0", "percent-encoded"),
        ("redis+sentinel://u:x/se/cret@a:1/m/0", "percent-encoded"),
        ("redis+sentinel://se/cret@a:1/", "percent-encoded"),
        ("redis+sentinel://u:se?cret@a:1/m/0", "percent-encoded"),
        ("redis+sentinel://u:se#cret@a:1/m/0", "percent-encoded"),
    ],
)
def test_a_malformed_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL") as refused:
        Settings.read(redis_url=url)
    assert reason in str(refused.value)
    assert "cret" not in str(refused.value)
