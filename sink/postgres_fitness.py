"""Says whether a Postgres can hold what people are called: every letter, and instants that the driver reads back."""

from sqlalchemy import Connection, text


def unfit(connection: Connection) -> str | None:
    """Return why this database cannot be used and what to do, or None.

    In another encoding than UTF8, each lead whose name has a letter that the encoding lacks would be a dead letter.
    """
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        return (
            f"is encoded in {encoding}, which lacks letters that people have in their names;"
            " create the database with ENCODING 'UTF8' TEMPLATE template0"
        )
    style = str(connection.scalar(text("SHOW DateStyle")))
    if not style.startswith("ISO"):
        return (
            f"writes times in the DateStyle {style}, which the driver cannot read;"
            " run ALTER DATABASE … SET datestyle = 'ISO', and the same for the role if it has a setting of its own"
        )
    return None
