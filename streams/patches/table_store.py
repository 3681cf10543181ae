"""Patches Faust tables so that their rows are in a store of our own class."""

from typing import Any

from faust.tables.table import Table


class TableWithStore(Table[bytes, Any]):
    """A Faust table with `store_type` as its store, independent of the app's `store` setting."""

    store_type: type[Any]

    def _new_store_by_url(self, url: Any) -> Any:
        return self.store_type(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            value_type=self.value_type,
        )
