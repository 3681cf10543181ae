"""The Helm chart, as a real Helm rendered it (`make chart`), is valid for Kubernetes and true to the code."""

from __future__ import annotations

from typing import Any, Final

import kubernetes_validate
import pytest
import yaml
from typer.main import get_command

from cli import app
from streams import trace_export
from streams.settings import Settings
from tests.deploy.prometheus import REPOSITORY
from tests.deploy.test_deployment import COMPOSE, SERVICES
from tools.chart import CHART, KUBERNETES, RENDERED, VALUES, header
from web.settings import WebSettings

OBJECTS: Final[dict[str, list[dict[str, Any]]]] = {
    name: [document for document in yaml.safe_load_all((RENDERED / f"{name}.yaml").read_text()) if document]
    for name in VALUES
}
PROCESSES: Final = [
    document for document in OBJECTS["everything"] if document["kind"] in {"Deployment", "StatefulSet"}
]
"""All processes, two couriers included."""
JOBS: Final = [document for document in OBJECTS["everything"] if document["kind"] == "CronJob"]
"""The commands for people."""


def component(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["labels"]["app.kubernetes.io/component"])


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    of_job = manifest["spec"].get("jobTemplate", manifest)
    return dict(of_job["spec"]["template"]["spec"])


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    [definition] = pod(manifest)["containers"]
    return dict(definition)


def secrets(manifest: dict[str, Any]) -> list[str]:
    """Return the Secrets whose keys are variables; a later one replaces variables of an earlier one."""
    return [source["secretRef"]["name"] for source in container(manifest)["envFrom"] if "secretRef" in source]


@pytest.mark.parametrize("name", VALUES)
def test_what_is_rendered_is_that_of_the_chart(name: str) -> None:
    first_line = (RENDERED / f"{name}.yaml").read_text().splitlines(keepends=True)[0]
    assert first_line == header(name), "the chart changed: run make chart"


@pytest.mark.parametrize("name", VALUES)
def test_every_object_is_valid_by_the_schemas_of_kubernetes(name: str) -> None:
    assert len(OBJECTS[name]) > 10
    for manifest in OBJECTS[name]:
        kubernetes_validate.validate(manifest, KUBERNETES.removesuffix(".0"), strict=True)


def test_an_object_that_is_not_valid_is_found() -> None:
    wrong = {**PROCESSES[0], "spec": {**PROCESSES[0]["spec"], "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES.removesuffix(".0"), strict=True)


def test_the_processes_and_ports_are_those_of_compose() -> None:
    ports = {
        component(process): str(container(process)["ports"][0]["containerPort"]) for process in PROCESSES
    }
    commands = {name: service["command"] for name, service in SERVICES.items()}
    assert ports.pop("courier-push") == "8806"  # an entry that the values of the example add
    assert ports == {name: command[command.index("--port") + 1] for name, command in commands.items()}
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert COMPOSE["services"]["worker"]["image"] == f"firstclaim:{version}"


@pytest.mark.parametrize("process", PROCESSES, ids=component)
def test_a_process_runs_a_command_with_options_that_exist(process: dict[str, Any]) -> None:
    command, *arguments = container(process)["args"]
    cli: Any = get_command(app)
    options = {option for param in cli.commands[command].params for option in param.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= options
    assert arguments[arguments.index("--port") + 1] == str(container(process)["ports"][0]["containerPort"])
    assert ("--instance-id" in arguments) == (process["kind"] == "StatefulSet")


@pytest.mark.parametrize("process", PROCESSES, ids=component)
def test_prometheus_is_told_a_port_that_answers_other_machines(process: dict[str, Any]) -> None:
    """The console's first port refuses the metrics to all but its own machine."""
    annotated_port = process["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    arguments = container(process)["args"]
    option = "--status-port" if arguments[0] == "console" else "--port"
    assert annotated_port == arguments[arguments.index(option) + 1]
    assert int(annotated_port) in {port["containerPort"] for port in container(process)["ports"]}


@pytest.mark.parametrize("process", PROCESSES, ids=component)
def test_a_process_can_be_a_kafka_user_of_its_own(process: dict[str, Any]) -> None:
    program = container(process)["args"][0]
    assert secrets(process) == ["firstclaim", f"firstclaim-kafka-{program}"]


def test_the_commands_for_people_exist_wait_for_them_and_have_the_operators_user() -> None:
    cli: Any = get_command(app)
    assert [container(job)["args"] for job in JOBS] == [["doctor"], ["topics"], ["verify"]]
    for job in JOBS:
        assert container(job)["args"][0] in cli.commands
        assert job["spec"]["suspend"] is True
        assert secrets(job) == ["firstclaim", "firstclaim-kafka-operator"]
        assert pod(job)["restartPolicy"] == "Never"
        assert container(job)["securityContext"] == container(PROCESSES[0])["securityContext"]


@pytest.mark.parametrize("manifest", [*PROCESSES, *JOBS], ids=component)
def test_a_private_authority_is_mounted_where_the_settings_name_it(manifest: dict[str, Any]) -> None:
    [settings] = [entry for entry in OBJECTS["everything"] if entry["kind"] == "ConfigMap"]
    [mount] = [entry for entry in container(manifest)["volumeMounts"] if entry["name"] == "ca"]
    [volume] = [entry for entry in pod(manifest)["volumes"] if entry["name"] == "ca"]
    [item] = volume["secret"]["items"]
    assert f"{mount['mountPath']}/{item['path']}" == settings["data"]["KAFKA_SSL_CAFILE"]
    assert mount["readOnly"] is True
    assert {entry["name"] for entry in container(manifest)["volumeMounts"]} == {
        entry["name"] for entry in pod(manifest)["volumes"]
    }


@pytest.mark.parametrize("process", PROCESSES, ids=component)
def test_a_process_has_no_rights_and_probes_that_the_code_serves(process: dict[str, Any]) -> None:
    whole_pod, own = pod(process), container(process)
    assert whole_pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {whole_pod['securityContext']['runAsUser']}:" in (REPOSITORY / "Dockerfile").read_text()
    assert whole_pod["automountServiceAccountToken"] is False
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    served = (REPOSITORY / "streams" / "http.py").read_text() + (
        REPOSITORY / "web" / "process.py"
    ).read_text()
    probes = {own[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"/health", "/ready"}
    assert all(f'"{path}"' in served for path in probes)
    assert own["livenessProbe"]["httpGet"]["path"] == "/health"  # a process that waits is not restarted
    written = {mount["mountPath"] for mount in own["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/var/lib/firstclaim", "/tmp"}  # noqa: S108  # a pod's own
    assert own["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", VALUES)
def test_every_variable_is_a_setting(name: str) -> None:
    setting_names = {
        str(field.validation_alias or field_name).upper()
        for kind in (Settings, WebSettings)
        for field_name, field in kind.model_fields.items()
    } | {*trace_export.ENDPOINTS, "FIRSTCLAIM_LOG_FORMAT"}
    couriers = (REPOSITORY / "docs" / "couriers.md").read_text()
    [settings] = [entry for entry in OBJECTS[name] if entry["kind"] == "ConfigMap"]
    own = {entry["name"] for process in PROCESSES for entry in container(process)["env"]} - {"POD_NAME"}
    for variable in settings["data"].keys() | own:
        of_courier = variable.startswith(("FIRSTCLAIM_SMTP_", "FIRSTCLAIM_PUSH_"))
        assert variable in setting_names or (of_courier and f"`{variable}`" in couriers)
    named = {
        source["configMapRef"]["name"]
        for process in PROCESSES
        for source in container(process)["envFrom"]
        if "configMapRef" in source
    }
    assert named == {settings["metadata"]["name"]}


@pytest.mark.parametrize("name", VALUES)
def test_services_and_budgets_select_the_pods_of_one_process(name: str) -> None:
    pods = {
        component(manifest): manifest["spec"]["template"]["metadata"]["labels"]
        for manifest in OBJECTS[name]
        if manifest["kind"] in {"Deployment", "StatefulSet"}
    }
    assert len({tuple(labels.items()) for labels in pods.values()}) == len(pods)
    for manifest in OBJECTS[name]:
        if manifest["kind"] == "Service":
            assert manifest["spec"]["selector"] == pods[component(manifest)]
        elif manifest["kind"] == "PodDisruptionBudget":
            assert manifest["spec"]["selector"]["matchLabels"] == pods[component(manifest)]
            [replicas] = [
                workload["spec"]["replicas"]
                for workload in OBJECTS[name]
                if workload["kind"] in {"Deployment", "StatefulSet"}
                and component(workload) == component(manifest)
            ]
            assert manifest["spec"]["minAvailable"] < replicas, "no node could ever be drained"


def test_the_chart_names_no_secret_value() -> None:
    for manifest in (document for objects in OBJECTS.values() for document in objects):
        assert manifest["kind"] != "Secret"
        assert not any("PASSWORD" in variable for variable in manifest.get("data", {}))
