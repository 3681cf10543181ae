"""Commands, ports, variables, volumes and files of the deployment files are those of the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.main import get_command

from cli import app
from streams.process_exit import ExitCode
from streams.settings import Settings
from tests.deploy.prometheus import DEPLOY, REPOSITORY, promtool
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.settings import WebSettings

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.kafka.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = {
    name: service
    for name, service in COMPOSE["services"].items()
    if str(service.get("image", "")).startswith("firstclaim:")
}
INSTALLED: Final = "/opt/firstclaim/bin/firstclaim"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def test_the_compose_file_runs_every_process() -> None:
    assert SERVICES.keys() == {"worker", "relay", "sink", "board", "console", "courier-mail"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_a_command_with_options_that_exist(name: str) -> None:
    command, *arguments = SERVICES[name]["command"]
    cli: Any = get_command(app)
    options = {option for param in cli.commands[command].params for option in param.opts}
    used_options = [argument for argument in arguments if argument.startswith("--")]
    assert used_options
    assert set(used_options) <= options
    port = arguments[arguments.index("--port") + 1]
    assert f"127.0.0.1:{port}/health" in SERVICES[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_writes_only_to_its_volume(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["state:/var/lib/firstclaim"]
    assert "state" in COMPOSE["volumes"]


def test_every_variable_is_a_setting() -> None:
    setting_names = {
        str(field.validation_alias or name).upper() for name, field in Settings.model_fields.items()
    }
    setting_names |= {
        str(field.validation_alias or name).upper() for name, field in WebSettings.model_fields.items()
    }
    mail = {name for name in SERVICES["courier-mail"]["environment"] if name.startswith("FIRSTCLAIM_SMTP_")}
    for service in SERVICES.values():
        assert service["environment"].keys() <= setting_names | mail
    couriers = (REPOSITORY / "docs" / "couriers.md").read_text()
    assert all(f"`{name}`" in couriers for name in mail)


def test_prometheus_scrapes_the_ports_of_the_services() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {
        target["labels"]["process"]: target["targets"][0].split(":") for target in job["static_configs"]
    }
    assert scraped.keys() == SERVICES.keys()
    for name, (host, port) in scraped.items():
        command = SERVICES[name]["command"]
        assert host == name
        # The console's first port gives its metrics to its own machine only.
        option = "--status-port" if name == "console" else "--port"
        assert port == command[command.index(option) + 1]


def test_prometheus_gives_pods_the_labels_of_the_alerts(tmp_path: Path) -> None:
    """A job by annotations alone has no label `process`, and another name than the alerts ask for.

    Debian's Prometheus cannot ask Kubernetes, so it is told what Kubernetes says of the two ports of a console's pod
    of a pod of another program, and of a pod whose image is being pulled.
    """
    config = yaml.safe_load((DEPLOY / "kubernetes.yml").read_text())
    [job] = config["scrape_configs"]
    [static_job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert job["job_name"] == static_job["job_name"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = [
        found_pod("firstclaim", "10.1.0.7:8000"),
        found_pod("firstclaim", "10.1.0.7:8800"),
        found_pod("another", "10.1.0.8:8000"),
        found_pod("firstclaim", "10.1.0.9:8800", phase="Pending"),
    ]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    promtool("check", "config", str(file))
    discovered: list[dict[str, Any]] = []
    for seconds in (2, 10, 60):  # it waits for the whole time, even if it has found everything at once
        output = promtool("check", "service-discovery", f"--timeout={seconds}s", str(file), job["job_name"])
        discovered = json.loads(output)
        if discovered:
            break
    labels = [
        {name: value for name, value in target["labels"].items() if not name.startswith("__scrape")}
        for target in discovered
        if target["labels"]
    ]
    assert len(labels) == 2
    for target_labels in labels:
        assert target_labels == {
            "__address__": "10.1.0.7:8800",
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "instance": "leads-console-0",
            "job": "firstclaim",
            "process": "console",
        }


def found_pod(program: str, address: str, *, phase: str = "Running") -> dict[str, Any]:
    """Return what Prometheus learns from Kubernetes about one port of a pod."""
    return {
        "targets": [address],
        "labels": {
            "__meta_kubernetes_pod_ip": address.partition(":")[0],
            "__meta_kubernetes_pod_phase": phase,
            "__meta_kubernetes_pod_name": "leads-console-0",
            "__meta_kubernetes_pod_label_app_kubernetes_io_name": program,
            "__meta_kubernetes_pod_label_app_kubernetes_io_component": "console",
            "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
            "__meta_kubernetes_pod_annotation_prometheus_io_port": "8800",
        },
    }


def test_what_is_mounted_exists() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).exists()


def test_the_image_copies_what_exists_runs_as_nobody_and_serves_the_pages_outside() -> None:
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE):
        assert (REPOSITORY / source).exists()
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    state = re.search(r"FIRSTCLAIM_STATE_DIR=(\S+)", DOCKERFILE)
    assert state is not None
    assert f"VOLUME {state[1]}" in DOCKERFILE
    assert "FIRSTCLAIM_STATUS_HOST=0.0.0.0" in DOCKERFILE


def test_the_images_lock_is_a_part_of_the_whole_lock() -> None:
    """`make lock` writes both."""

    def packages(path: Path) -> set[str]:
        return {line.split(" ")[0] for line in path.read_text().splitlines() if re.match(r"\S+==", line)}

    image = packages(REPOSITORY / "deploy" / "docker" / "requirements.lock")
    assert "faust-streaming==0.15.3" in image
    assert image < packages(REPOSITORY / "requirements.lock")
    assert not any(name.startswith(("pytest", "quixstreams", "playwright")) for name in image)


def test_systemd_starts_again_what_a_restart_helps() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read(REPOSITORY / "deploy" / "systemd" / "firstclaim@.service")
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"].split() == [
        str(int(ExitCode.CONFIG)),
        str(int(ExitCode.BRAKE)),
    ]


def test_systemd_finds_nothing_in_the_unit(tmp_path: Path) -> None:
    unit = (REPOSITORY / "deploy" / "systemd" / "firstclaim@.service").read_text()
    assert unit.count(INSTALLED) == 1
    installed_path = str(Path(sys.executable).with_name("firstclaim"))
    (tmp_path / "firstclaim@.service").write_text(unit.replace(INSTALLED, installed_path))
    assert systemd_says_of(tmp_path) == (0, "")
    (tmp_path / "firstclaim@.service").write_text(
        unit.replace(INSTALLED, installed_path).replace("Restart=", "Restarts=")
    )
    assert "'Restarts'" in systemd_says_of(tmp_path)[1]


def systemd_says_of(folder: Path) -> tuple[int, str]:
    """Return the exit code and the words of systemd about the unit in a folder, as that of the first worker."""
    completed = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / "firstclaim@worker-1.service")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return completed.returncode, completed.stdout + completed.stderr


def test_every_exit_code_is_explained() -> None:
    page = (REPOSITORY / "docs/runbook/exit-codes.md").read_text()
    rows = dict(re.findall(r"^\| (\d+)[^|]*\|[^|]*\|([^|]*)\|$", page, re.MULTILINE))
    pages = {path.stem.removeprefix("exit-") for path in (REPOSITORY / "docs/runbook").glob("exit-[0-9]*.md")}
    assert pages == {str(int(code)) for code in ExitCode} | {"137"}
    assert all(f"(exit-{code}.md)" in rows[code] for code in pages)
    assert rows.keys() - pages == {"0", "1", "2"}
