"""Gives producers as most vendors use them: librdkafka, with its codecs, its partitioner and its transactions.

`confluent-kafka` belongs to the extra `bench`. It is imported where a producer is made; an error names it if it is
missing.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, Final

from models.errors import ConfigError, RuntimeFailure
from streams.settings import Settings

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
LARGEST_REQUEST: Final = 1_000_000_000
"""librdkafka limits a message before compression; the broker limits the compressed batch."""
TIMEOUT_MS: Final = 120_000
PARTITION_EOF: Final = -191
"""The code that is no error: a partition was read to its end."""


def producer(settings: Settings, **options: Any) -> Any:
    """Return a producer. `options`: librdkafka's, with `_` for `.`. Raises ConfigError if it is not installed."""
    dotted = {name.replace("_", "."): value for name, value in options.items()}
    return _confluent_kafka().Producer({**_options(settings), **dotted})


def _confluent_kafka() -> Any:
    try:
        import confluent_kafka  # noqa: PLC0415  # only chaos needs it
    except ImportError as error:
        reason = "is missing; chaos needs it for a vendor: pip install 'firstclaim[bench]'"
        raise ConfigError("confluent-kafka", reason) from error
    return confluent_kafka


def consumer(settings: Settings, **options: Any) -> Any:
    """Return a consumer without a group that reads committed records from the beginning."""
    dotted = {name.replace("_", "."): value for name, value in options.items()}
    base = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "group.id": "nobody",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "log_level": 0,
        **_security(settings),
    }
    return _confluent_kafka().Consumer({**base, **dotted})


def _options(settings: Settings) -> dict[str, Any]:
    return {
        **_security(settings),
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "enable.idempotence": True,
        "linger.ms": 5,
        "message.timeout.ms": TIMEOUT_MS,
        "transaction.timeout.ms": TIMEOUT_MS,
        "message.max.bytes": LARGEST_REQUEST,
        "log_level": 0,  # the broker is killed on purpose
    }


def _security(settings: Settings) -> dict[str, Any]:
    """Return librdkafka's sign-in settings for the local Kafka, which has no TLS."""
    if settings.kafka_sasl_password is None:
        return {}
    return {
        "security.protocol": settings.kafka_security_protocol,
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password.get_secret_value(),
    }


Value = tuple[bytes, bytes]
"""Name and value of a header, of any bytes."""


class AnyHeaders:
    """Sends header names of any bytes by librdkafka's C interface; confluent-kafka only takes text. Call `close`."""

    def __init__(self, settings: Settings) -> None:
        _confluent_kafka()
        from confluent_kafka import cimpl  # noqa: PLC0415  # likewise

        # The extension module is linked with the library, whatever its file is called on this system.
        self._library = ctypes.CDLL(cimpl.__file__)
        for name, result in (
            ("rd_kafka_conf_new", ctypes.c_void_p),
            ("rd_kafka_new", ctypes.c_void_p),
            ("rd_kafka_produceva", ctypes.c_void_p),
            ("rd_kafka_error_string", ctypes.c_char_p),
        ):
            getattr(self._library, name).restype = result
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        error_text = ctypes.create_string_buffer(_ERROR_BYTES)
        for name, value in _options(settings).items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            self._library.rd_kafka_conf_set(
                configuration, name.encode(), text.encode(), error_text, len(error_text)
            )
        handle = self._library.rd_kafka_new(
            _PRODUCER, configuration, error_text, ctypes.c_size_t(len(error_text))
        )
        if not handle:
            raise RuntimeFailure("librdkafka", error_text.value.decode())
        self._handle = ctypes.c_void_p(handle)

    def send(self, topic: str, value: bytes, *, key: bytes = b"", headers: Sequence[Value] = ()) -> None:
        """Send one record asynchronously. Raises RuntimeFailure where librdkafka does not accept it."""
        fields = [
            _Field.of(_TOPIC, text=topic.encode()),
            _Field.of(_FLAGS, number=_COPY),
            _Field.of(_VALUE, value=value),
            _Field.of(_KEY, value=key),
            *(_Field.of(_HEADER, text=name, value=content) for name, content in headers),
        ]
        array = (_Field * len(fields))(*fields)
        error = self._library.rd_kafka_produceva(self._handle, array, ctypes.c_size_t(len(fields)))
        if error:
            pointer = ctypes.c_void_p(error)
            reason = self._library.rd_kafka_error_string(pointer).decode()
            self._library.rd_kafka_error_destroy(pointer)
            raise RuntimeFailure("librdkafka", reason)
        self._library.rd_kafka_poll(self._handle, 0)

    def flush(self, milliseconds: int = TIMEOUT_MS) -> bool:
        """Wait until all is sent. Return whether it is."""
        return not self._library.rd_kafka_flush(self._handle, milliseconds)

    def close(self) -> None:
        """Close the producer. Records that are not sent yet are dropped."""
        self._library.rd_kafka_destroy(self._handle)


_ERROR_BYTES: Final = 512
_PRODUCER: Final = 0
_COPY: Final = 2
_TOPIC, _VALUE, _KEY, _FLAGS, _HEADER = 1, 4, 5, 7, 9
"""`rd_kafka_vtype_t`."""


class _Bytes(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("size", ctypes.c_ssize_t))


class _Content(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("number", ctypes.c_int),
        ("bytes", _Bytes),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Field(ctypes.Structure):
    """`rd_kafka_vu_t`: one field of a record."""

    _fields_ = (("kind", ctypes.c_int), ("content", _Content))

    @classmethod
    def of(cls, kind: int, *, text: bytes = b"", number: int = 0, value: bytes = b"") -> "_Field":
        field = cls(kind=kind)
        if kind == _TOPIC:
            field.content.text = text
        elif kind == _FLAGS:
            field.content.number = number
        elif kind == _HEADER:
            field.content.header = _Header(text, value, len(value))
        else:
            field.content.bytes = _Bytes(value, len(value))
        return field
