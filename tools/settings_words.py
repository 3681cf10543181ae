"""Describes what each setting means, in the words of the page docs/settings.md (`tools.settings_page`)."""

from typing import Final

CORE: Final = {
    "FIRSTCLAIM_STATE_DIR": "the folder with what a process keeps on disk: tables, local servers, SQLite files",
    "KAFKA_BOOTSTRAP_SERVERS": "brokers as `host:port`, separated by commas; name more than one",
    "REDIS_URL": (
        "Valkey's address: `redis://`, `rediss://` (TLS) or `unix://`; or its sentinels and the name of their primary, "
        "`redis+sentinel://USER:PASSWORD@host:26379,host2:26379/mymaster/0` (`rediss+sentinel://` for TLS; "
        "`?sentinel_username=…&sentinel_password=…` if the sentinels have a user of their own)"
    ),
    "DATABASE_URL": "the CRM database: `postgresql://` or `sqlite:///`. Passwords in it are percent-encoded",
    "FIRSTCLAIM_CACHE_DIR": "where downloads of the local servers are kept",
    "FIRSTCLAIM_MAVEN_REPOSITORY": "a mirror of Maven Central, for the local Kafka",
    "FIRSTCLAIM_STATUS_HOST": (
        "the address of `/health`, `/ready` and `/metrics`; `0.0.0.0` for a collector on another machine. The console "
        "serves them there with `--status-port`"
    ),
    "FIRSTCLAIM_PARTITIONS": (
        "how many partitions the topics get. Afterwards leave it out: a process follows what it finds, and refuses "
        "another number ([how many](operations/partitions.md))"
    ),
    "FIRSTCLAIM_REPLICATION_FACTOR": (
        "how many brokers keep each record of a topic that is made; with 3 or more, two must have it before it is "
        "acknowledged ([three brokers](operating.md#three-brokers))"
    ),
    "FIRSTCLAIM_FATAL_ERROR_LIMIT": (
        "on how many records our own code may fail within the window; at one more the process ends "
        "([code 79](runbook/exit-79.md))"
    ),
    "FIRSTCLAIM_FATAL_ERROR_WINDOW_SECONDS": "that window, in seconds",
    "FIRSTCLAIM_ERASURE_KEY": (
        "the file with the key of the hashes of erased persons, 64 hex digits; the same on every machine "
        "([erasure](erasure.md))"
    ),
    "FIRSTCLAIM_AUDIT_DAYS": "how many days the topic `audit` and the console's index of it are kept",
    "FIRSTCLAIM_SIGNING_KEYS": (
        "the file of secrets for signing and checking messages ([signatures](kafka-access.md#signatures))"
    ),
    "FIRSTCLAIM_SIGNING_KEY": "the id of this process's own key in that file",
    "FIRSTCLAIM_SIGNATURE_SECONDS": "how much older or newer than its record a signature may be, in seconds",
    "KAFKA_SECURITY_PROTOCOL": "how brokers are spoken to; `SASL_SSL` outside one machine",
    "KAFKA_SASL_MECHANISM": "how the user signs in",
    "KAFKA_SASL_USERNAME": "the user; each process has one of its own ([Kafka access](kafka-access.md))",
    "KAFKA_SASL_PASSWORD": "the user's password",
    "KAFKA_SSL_CAFILE": (
        "PEM file with the authorities that may sign the brokers' certificates; without it, those of the system"
    ),
    "KAFKA_SSL_CERTFILE": "PEM file with our own certificate, where brokers ask for one (mutual TLS)",
    "KAFKA_SSL_KEYFILE": "PEM file with the key of that certificate; the same file if it holds both",
    "KAFKA_SSL_KEYFILE_PASSWORD": "the password of an encrypted key",
    "KAFKA_SSL_CHECK_HOSTNAME": (
        "`false` accepts a valid certificate of another host; `firstclaim doctor` then says that anybody with one can "
        "be the broker"
    ),
}
"""Of every process."""

WEB: Final = {
    "FIRSTCLAIM_STATE_DIR": "as above",
    "FIRSTCLAIM_CONSOLE_DATABASE_URL": (
        "the database of accounts, sessions, tokens, drafts and preferences, without data of leads; the same for every "
        "console"
    ),
    "FIRSTCLAIM_PUBLIC_URL": (
        "the address by which browsers reach the console; with https, cookies are marked secure"
    ),
    "FIRSTCLAIM_MAILBOX_URL": "where all mails can be read, in a demo; each page links to it",
    "FIRSTCLAIM_SESSION_HOURS": "how long a sign-in lasts at most, in hours",
    "FIRSTCLAIM_IDLE_MINUTES": "how long a sign-in lasts without a request, in minutes",
    "FIRSTCLAIM_PROVE_MINUTES": (
        "after how many minutes tokens, invitations, exports and a new second factor need the password again"
    ),
    "FIRSTCLAIM_INVITATION_HOURS": "how many hours the password of an invitation is valid",
    "FIRSTCLAIM_TOKEN_DAYS": "how many days a token is valid, if nobody says how long",
    "FIRSTCLAIM_TOKEN_MOST_DAYS": "how many days a token may be valid at most",
    "FIRSTCLAIM_VENDOR_POSTS_PER_SECOND": "how many posts a vendor's key may send a second, to one console",
    "FIRSTCLAIM_VENDOR_POSTS_BURST": "how many of them at once",
    "FIRSTCLAIM_CONSOLE_KEYS": (
        "the keys that encrypt secrets in the database, separated by commas, the newest first; the same for every "
        "console (`firstclaim console-key` makes one)"
    ),
    "FIRSTCLAIM_CONSOLE_KEY_FILE": (
        "the file with those keys, if the variable above is not set; made at the first start"
    ),
    "FIRSTCLAIM_SECOND_FACTOR_ROLES": (
        "who must have a second factor: `admin`, `manager`, `rep`, separated by commas; nobody without it"
    ),
    "FIRSTCLAIM_TRUSTED_PROXIES": (
        "networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted, such as `10.1.0.0/16`, "
        "separated by commas"
    ),
    "FIRSTCLAIM_OIDC_ISSUER": "the company's provider ([OIDC](security.md#the-companys-own-accounts-oidc))",
    "FIRSTCLAIM_OIDC_CLIENT_ID": "the console's id at the provider",
    "FIRSTCLAIM_OIDC_CLIENT_SECRET": "its secret",
    "FIRSTCLAIM_OIDC_ONLY": "`true`: nobody signs in by password",
    "FIRSTCLAIM_OIDC_ROLE_CLAIM": "the claim whose value a sign-in publishes as the rep's role",
    "FIRSTCLAIM_OIDC_TEAMS_CLAIM": "the claim whose values a sign-in publishes as the rep's teams",
    "FIRSTCLAIM_OIDC_ROLES": "`value=role` pairs, separated by commas, for values that are not roles themselves",
    "FIRSTCLAIM_CONSOLE_TELEPHONE": (
        "`true`: call buttons ring the rep's telephone, in orgs that say nothing about it; otherwise numbers are links"
    ),
    "FIRSTCLAIM_FIRST_ACCOUNT_KEY": (
        "32 characters or more: while nobody has an account, `/first-account?key=…` makes an admin's"
    ),
}
"""Of the console."""

COURIERS: Final = {
    "MailSettings": "Mail",
    "PushSettings": "Push messages",
    "TelephoneSettings": "Telephone",
    "ChatSettings": "Chat",
}
"""Class of settings -> the heading of its table."""
