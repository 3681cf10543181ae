"""Puts one broker of a cluster where it can be cut off by the network, and where its disk can be full.

The broker gets a network namespace of its own, joined to the others by a pair of virtual interfaces; without its end of
the pair it is cut off in both directions. Its data is on a file system in memory, whose size is set to what it holds.
Both need rights that only root has, and that a container may lack.
"""

import os
import shutil
import subprocess
from typing import Final

from models.errors import ConfigError
from runtime.kafka_cluster import ClusterBroker, KafkaCluster

ISOLATED: Final = 3
"""The broker that is isolated."""
DISK: Final = "size=6g"
"""The most memory that the broker's data may take, unless its disk is full."""
_PAGE: Final = 4_096


class BrokerIsolation:
    """Isolates a broker of `cluster`, which has not started yet. `close` removes all again, once it has stopped."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self._namespace = f"firstclaim-{os.getpid()}"
        # An interface's name has 15 characters at most.
        self._ours, self._theirs = f"fc{os.getpid()}a", f"fc{os.getpid()}b"
        self._ip = shutil.which("ip") or ""
        self._is_connected = self._is_mounted = False

    @property
    def broker(self) -> ClusterBroker:
        """The isolated broker."""
        return self._cluster.broker(ISOLATED)

    def prepare(self) -> None:
        """Make namespace, interfaces and file system. Raises ConfigError that says which right or program lacks."""
        try:
            self._connect()
            self._mount()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        if not self._ip:
            raise ConfigError("--brokers", "there is no program ip; on Debian apt-get install iproute2")
        # Link-local addresses that follow from our process id, so that two runs on one machine do not meet.
        net = f"169.254.{1 + os.getpid() % 250}"
        self._run(self._ip, "netns", "add", self._namespace)
        self._is_connected = True
        self._run(self._ip, "link", "add", self._ours, "type", "veth", "peer", "name", self._theirs)
        self._run(self._ip, "link", "set", self._theirs, "netns", self._namespace)
        self._run(self._ip, "address", "add", f"{net}.1/30", "dev", self._ours)
        self._run(self._ip, "link", "set", self._ours, "up")
        inside = (self._ip, "-n", self._namespace)
        self._run(*inside, "address", "add", f"{net}.2/30", "dev", self._theirs)
        self._run(*inside, "link", "set", self._theirs, "up")
        self._run(*inside, "link", "set", "lo", "up")
        for broker in self._cluster.brokers:
            broker.host = f"{net}.1"
        self.broker.host = f"{net}.2"
        self.broker.launcher = (self._ip, "netns", "exec", self._namespace)

    def _mount(self) -> None:
        data = self.broker.folder / "data"
        data.mkdir(parents=True)
        self._run("mount", "-t", "tmpfs", "-o", DISK, "firstclaim-chaos", str(data))
        self._is_mounted = True

    def cut_off(self) -> None:
        """Cut the broker off: no packet reaches it or leaves it, and nobody is told. Connections stay open."""
        # Not our end: the brokers on this side listen on its address.
        self._run(self._ip, "-n", self._namespace, "link", "set", self._theirs, "down")

    def connect_again(self) -> None:
        """Connect it again."""
        self._run(self._ip, "-n", self._namespace, "link", "set", self._theirs, "up")

    def fill_disk(self) -> None:
        """Leave no room on the broker's disk: it gets the size of what is on it."""
        for _ in range(100):  # it grows meanwhile, and the system refuses less than it holds
            stat = os.statvfs(self.broker.folder / "data")
            used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
            try:
                self._run("mount", "-o", f"remount,size={used + _PAGE}", str(self.broker.folder / "data"))
            except ConfigError:
                continue
            return
        raise ConfigError("--brokers", "the disk could not be made full, because it grew all the time")

    def empty_disk(self) -> None:
        """Give it room again."""
        self._run("mount", "-o", f"remount,{DISK}", str(self.broker.folder / "data"))

    def close(self) -> None:
        """Remove all that was made. A broker that starts later is as the others."""
        if self._is_mounted:
            subprocess.run(["umount", "--lazy", str(self.broker.folder / "data")], check=False)
        if self._is_connected:
            for arguments in (("link", "del", self._ours), ("netns", "del", self._namespace)):
                subprocess.run([self._ip, *arguments], check=False, stderr=subprocess.DEVNULL)
        self._is_connected = self._is_mounted = False
        for broker in self._cluster.brokers:
            broker.host, broker.launcher = "127.0.0.1", ()

    @staticmethod
    def _run(*command: str) -> None:
        result = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if result.returncode:
            reason = f"{' '.join(map(str, command[:4]))} is refused: {result.stdout.strip()}"
            raise ConfigError("--brokers", reason)
