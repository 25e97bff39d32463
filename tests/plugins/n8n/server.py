"""A real n8n server in a separate process, with a generated package, used over n8n's own HTTP interfaces."""

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
from tests.plugins.n8n.installation import install_server
from tests.plugins.npm import node_environment
from tests.programs import free_port
from tests.waiting import wait_for

OWNER = {
    "email": "owner@example.com",
    "firstName": "Olive",
    "lastName": "Owner",
    "password": "Correct-horse-1",
}
BROWSER_ID = "test"
_SCOPES = [
    *("credential:create", "credential:delete", "execution:list", "execution:read", "workflow:activate"),
    *("workflow:create", "workflow:deactivate", "workflow:delete", "workflow:read", "workflow:update"),
]
_OFF = (
    "N8N_DIAGNOSTICS_ENABLED",
    "N8N_VERSION_NOTIFICATIONS_ENABLED",
    "N8N_TEMPLATES_ENABLED",
    "N8N_PERSONALIZATION_ENABLED",
    "N8N_HIRING_BANNER_ENABLED",
    "N8N_DYNAMIC_BANNERS_ENABLED",
    "N8N_LICENSE_AUTO_RENEW_ENABLED",
    "N8N_VERIFIED_PACKAGES_ENABLED",
    "N8N_SECURE_COOKIE",
)
_DISABLED_MODULES = (
    "mcp-registry,instance-ai,agents,chat-hub,mcp,workflow-builder,source-control,external-secrets,otel,sso-oidc,sso-saml,"
    "ldap,log-streaming,provisioning,dynamic-credentials,breaking-changes,token-exchange,oauth-jwe,n8n-packages,"
    "quick-connect,instance-version-history"
)


@dataclass
class N8n:
    """An n8n with its files in *folder*; *package* is the built package to install."""

    folder: Path
    package: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    client: httpx2.Client = field(init=False, repr=False)

    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.url, headers={"browser-id": BROWSER_ID}, timeout=60)
        self.install(self.package)

    def install(self, package: Path) -> None:
        """Replace the installed package; n8n must be stopped."""
        installed = self.folder / ".n8n" / "nodes" / "node_modules" / package.name
        shutil.rmtree(installed, ignore_errors=True)
        shutil.copytree(package / "dist", installed / "dist")
        shutil.copy(package / "package.json", installed)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in node_environment().items() if not name.startswith("N8N_")}
        return (
            inherited
            | dict.fromkeys(_OFF, "false")
            | {
                "N8N_USER_FOLDER": str(self.folder),
                "N8N_PORT": str(self.port),
                "N8N_LISTEN_ADDRESS": "127.0.0.1",
                "N8N_HOST": "127.0.0.1",
                "N8N_WEBHOOK_URL": f"{self.url}/",
                "N8N_RUNNERS_BROKER_PORT": str(free_port()),
                "N8N_ENCRYPTION_KEY": "k" * 32,
                "N8N_UNVERIFIED_PACKAGES_ENABLED": "true",
                "N8N_DISABLED_MODULES": _DISABLED_MODULES,
                "N8N_LOG_LEVEL": "warn",
                "DB_TYPE": "sqlite",
            }
            | self.settings
        )

    def start(self, **settings: str) -> None:
        """Start n8n with *settings*, which later starts keep."""
        self.settings |= settings
        self.process = self._run("start")
        wait_for("n8n is ready", self._is_ready, seconds=180)

    def start_worker(self) -> None:
        """Start a worker, for an n8n in queue mode."""
        self.worker = self._run("worker")

    def _run(self, command: str) -> subprocess.Popen[bytes]:
        program = install_server() / "n8n" / "bin" / "n8n"
        environment = self.environment()
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                ["node", program, command], cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(httpx2.TransportError):
            return self.client.get("/healthz/readiness").is_success
        return False

    def stop(self) -> None:
        """Stop n8n and its worker as an init system does."""
        self.stop_worker()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def stop_worker(self) -> None:
        if self.worker is not None:
            self.worker.terminate()
            self.worker.wait(60)
            self.worker = None

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")[-4000:]

    def set_up(self) -> None:
        """Make the owner and a key for the public API."""
        self.call("POST", "/rest/owner/setup", json=OWNER)
        body = {"label": "test", "scopes": _SCOPES, "expiresAt": None}
        made = self.call("POST", "/rest/api-keys", json=body)["data"]
        self.client.headers["X-N8N-API-KEY"] = made["rawApiKey"]

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Call n8n and return the JSON of its answer; any status but 2xx fails the test."""
        answer = self.client.request(method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}\n{self.log()}"
        return answer.json() if answer.content else None

    def make_credential(self, kind: str, data: Mapping[str, Any], *, name: str = "Test") -> dict[str, Any]:
        body = {"name": name, "type": kind, "data": dict(data)}
        made = self.call("POST", "/api/v1/credentials", json=body)
        return {kind: {"id": made["id"], "name": made["name"]}}

    def make_workflow(self, name: str, *nodes: Mapping[str, Any], links: Mapping[str, list[str]]) -> str:
        """Make a workflow with *nodes*, in which *links* connects each name to the nodes after it; return its id."""
        connections = {
            source: {"main": [[{"node": target, "type": "main", "index": 0} for target in targets]]}
            for source, targets in links.items()
        }
        body = {"name": name, "nodes": list(nodes), "connections": connections, "settings": {}}
        return str(self.call("POST", "/api/v1/workflows", json=body)["id"])

    def activate(self, workflow_id: str) -> None:
        """Publish a workflow; by default n8n answers before its triggers are set up."""
        self.call("POST", f"/api/v1/workflows/{workflow_id}/activate", json={})

    def deactivate(self, workflow_id: str) -> None:
        self.call("POST", f"/api/v1/workflows/{workflow_id}/deactivate", json={})

    def executions(self, workflow_id: str) -> list[dict[str, Any]]:
        """Give the ended executions of a workflow, newest first, with each node's output."""
        query = {"workflowId": workflow_id, "includeData": "true", "limit": 250}
        executions = self.call("GET", "/api/v1/executions", params=query)["data"]
        return [execution for execution in executions if execution.get("stoppedAt")]

    def run(self, workflow_id: str, *, start: str) -> dict[str, Any]:
        """Run a workflow from its trigger *start* as the editor does; return the execution."""
        workflow = self.call("GET", f"/rest/workflows/{workflow_id}")["data"]
        body = {"workflowData": workflow, "triggerToStartFrom": {"name": start}}
        begun = self.call("POST", f"/rest/workflows/{workflow_id}/run", json=body)["data"]["executionId"]

        def look() -> dict[str, Any] | None:
            return next(
                (execution for execution in self.executions(workflow_id) if execution["id"] == begun), None
            )

        return wait_for(f"execution {begun} ended", look, seconds=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()
        self.client.close()


def node(
    name: str,
    kind: str,
    parameters: Mapping[str, Any],
    credentials: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Describe a node of a workflow; a webhook gets a separate id, which makes its URL unique."""
    return {
        "id": name,
        "name": name,
        "type": kind,
        "typeVersion": 1,
        "position": [0, 0],
        "parameters": dict(parameters),
        **({"credentials": dict(credentials)} if credentials else {}),
        "webhookId": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        **more,
    }


def outputs(execution: Mapping[str, Any], name: str) -> list[Any]:
    runs = execution["data"]["resultData"]["runData"][name]
    return [item["json"] for run in runs for branch in run["data"]["main"] for item in branch or ()]
