"""Runs the secured Kafka with a TLS listener, whose certificate a CA made for the test signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from runtime import kafka_users
from runtime.kafka import KafkaBroker
from streams.file_permissions import write_private
from tests.secured.stack import PlainToo, Secured

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings import Settings


class TlsToo(PlainToo):
    """A broker that also listens with SASL_SSL, where SCRAM is the only mechanism."""

    port_names: ClassVar[tuple[str, ...]] = (*KafkaBroker.port_names, "tls")

    @property
    def tls_bootstrap(self) -> str:
        """`host:port` of the TLS listener."""
        return f"127.0.0.1:{self.ports['tls']}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the CA, for clients."""
        return self.folder / "ca.pem"

    def configuration(self) -> dict[str, str | int]:
        """Return the properties with the further listener."""
        properties = super().configuration()
        plain = f"{kafka_users.PROTOCOL}:{kafka_users.PROTOCOL}"
        return {
            **properties,
            "listeners": f"{properties['listeners']},SASL_SSL://{self.tls_bootstrap}",
            "advertised.listeners": f"{properties['advertised.listeners']},SASL_SSL://{self.tls_bootstrap}",
            "listener.security.protocol.map": f"{plain},CONTROLLER:{kafka_users.PROTOCOL},SASL_SSL:SASL_SSL",
            "listener.name.sasl_ssl.sasl.enabled.mechanisms": kafka_users.MECHANISM,
            f"listener.name.sasl_ssl.{kafka_users.MECHANISM.lower()}.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.sasl_ssl.ssl.keystore.type": "PEM",
            "listener.name.sasl_ssl.ssl.keystore.location": str(self._keystore()),
        }

    def _keystore(self) -> Path:
        """Make CA and certificate once. Kafka reads keys in the form PKCS#8 only."""
        file = self.folder / "broker.pem"
        if not file.exists():
            ca = trustme.CA()
            certificate = ca.issue_cert("127.0.0.1", "localhost")
            key = load_pem_private_key(certificate.private_key_pem.bytes(), password=None)
            text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            chain = "".join(part.bytes().decode() for part in certificate.cert_chain_pems)
            write_private(file, text + chain)
            ca.cert_pem.write_to_path(self.ca_file)
        return file


class SecuredByTls(Secured):
    """The secured servers. Every process of ours connects with SASL_SSL and trusts the CA of the test."""

    broker_class = TlsToo

    def as_user(self, base: Settings, name: str) -> Settings:
        """Return the settings of a user at the TLS listener."""
        broker: Any = self.broker
        return (
            super()
            .as_user(base, name)
            .model_copy(
                update={
                    "kafka_bootstrap_servers": broker.tls_bootstrap,
                    "kafka_security_protocol": "SASL_SSL",
                    "kafka_ssl_cafile": broker.ca_file,
                }
            )
        )
