"""The sandbox's Kubernetes API server: HTTP in front, the cluster behind, controllers at work."""

import base64
from pathlib import Path
from typing import Self

import yaml

from sandbox.kubernetes.access import Access
from sandbox.kubernetes.certificates import Certificates
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers import start_controllers
from sandbox.kubernetes.controllers.runner import Runner
from sandbox.kubernetes.faults import Faults
from sandbox.kubernetes.frontend import Frontend
from sandbox.kubernetes.image_stock import stocked_registry
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.seed import seed
from sandbox.kubernetes.store import Store
from sandbox.serving import Serving
from sandbox.traffic import TrafficLog

DEFAULT_SPEED = 5.0


class KubernetesServer:
    """A cluster in memory that real clients can talk to.

    `speed` divides the cluster's waiting times: at 10 a back-off of 10 s takes one second; timestamps stay real. With
    `tls` the server has a certificate of a CA of its own, which `write_kubeconfig` embeds; without, it is plain http.
    """

    def __init__(self, traffic: TrafficLog | None = None, *, speed: float = DEFAULT_SPEED, tls: bool = True) -> None:
        self.traffic = traffic if traffic is not None else TrafficLog()
        self.store = Store()
        self.images = stocked_registry()
        self.faults = Faults()
        self.cluster = Cluster(self.store)
        self.access = Access(self.store)
        self.logs = PodLogs()
        self._speed = speed
        self._certificates = Certificates.make() if tls else None
        self._runner: Runner | None = None
        self._serving: Serving | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Seed the cluster, start the controllers and serve. Raise OSError when the port is taken."""
        if not self.store.list_of("Namespace"):
            seed(self.cluster)
        self._runner = start_controllers(self.cluster, self.images, self.logs, self._speed)
        front = Frontend(self.cluster, self.access, self.faults, self.logs, self.traffic)
        context = self._certificates.context if self._certificates else None
        try:
            self._serving = await Serving.start(front.application(), host=host, port=port, tls=context)
        except OSError:
            await self._runner.stop()
            raise
        return self

    async def stop(self) -> None:
        """Stop serving and stop the controllers; the objects stay readable through `store`."""
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None
        if self._runner is not None:
            await self._runner.stop()
            self._runner = None

    @property
    def url(self) -> str:
        """The address without a trailing slash. Raise RuntimeError before `start`."""
        if self._serving is None:
            raise RuntimeError("the Kubernetes server is not started")
        return self._serving.url

    @property
    def admin_token(self) -> str:
        return self.access.admin_token

    @property
    def certificate_authority(self) -> bytes | None:
        """The CA in PEM; None over plain http."""
        return self._certificates.authority if self._certificates else None

    def token_for(self, namespace: str, service_account: str) -> str:
        """Return a bearer token of a ServiceAccount; it works while the account exists."""
        return self.access.token_for(namespace, service_account)

    def write_kubeconfig(self, path: Path | str, token: str | None = None, namespace: str | None = None) -> Path:
        """Write a kubeconfig for this server, readable by its owner only; the token defaults to the admin's."""
        cluster: dict[str, str] = {"server": self.url}
        if self.certificate_authority is not None:
            cluster["certificate-authority-data"] = base64.b64encode(self.certificate_authority).decode()
        context = {"cluster": "sandbox", "user": "sandbox", "namespace": namespace or "default"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": "sandbox", "user": {"token": token or self.admin_token}}],
            "contexts": [{"name": "sandbox", "context": context}],
            "current-context": "sandbox",
        }
        target = Path(path)
        target.touch(mode=0o600)
        target.write_text(yaml.safe_dump(document))
        return target
