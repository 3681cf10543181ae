"""Reads a fetched record as Faust's message at once, without a consumer record in between (docs/faust.md 17)."""

from typing import Any, Final

from faust.types.tuples import TP, ConsumerMessage

_new: Final = object.__new__


class FetchedMessage(ConsumerMessage):
    """A message that was fetched. It is made without the fields that nobody reads; those are computed."""

    __slots__ = ()

    checksum = None
    """A record of today's format has none. The one of its batch was checked."""
    time_in = time_out = time_total = None
    """Only Faust's monitor sets these, and `streams.app.StageApp` removes it."""

    @property
    def serialized_key_size(self) -> int:  # type: ignore[override]  # Faust stores it for each message
        """The size of the key in bytes; -1 if there is none."""
        return -1 if self.key is None else len(self.key)

    @property
    def serialized_value_size(self) -> int:  # type: ignore[override]  # as above
        """The size of the value in bytes; -1 if there is none."""
        return -1 if self.value is None else len(self.value)


class MessagesOfPartition:
    """Makes the messages of one partition."""

    __slots__ = ("_tp",)

    def __init__(self, tp: Any) -> None:
        self._tp = TP(*tp)

    def message_of(self, topic: str, partition: int, record: Any) -> FetchedMessage:
        """Return a record as a message. Whoever takes it from the fetch sets its generation."""
        message: FetchedMessage = _new(FetchedMessage)
        timestamp = record.timestamp
        message.topic, message.partition, message.offset = topic, partition, record.offset
        message.timestamp = None if timestamp is None else timestamp / 1000.0
        message.timestamp_type = record.timestamp_type
        message.headers = tuple(record.headers)
        message.key, message.value = record.key, record.value
        message.acked, message.refcount, message.tracked = False, 0, False
        message.tp, message.generation_id = self._tp, None
        return message


def give_messages(value: Any) -> Any:
    """Mark a consumer that gets messages, and stand-ins among them. It is a `value_deserializer` and never called."""
    return value


give_messages.messages_of = MessagesOfPartition  # type: ignore[attr-defined]  # see `streams.batch_records`
