"""Everything at once: a Slack workspace, a PagerDuty, a cluster and, on demand, a Messages API, wired together."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import DEFAULT_SPEED, KubernetesServer
from sandbox.messages_api import MessagesServer
from sandbox.pagerduty import DeliveryPolicy, PagerDutyServer, SlackModes
from sandbox.pagerduty.directory import AUTOMATION_USER
from sandbox.pagerduty.webhooks import Subscription
from sandbox.scenarios.applications import NAMESPACE, install
from sandbox.scenarios.permissions import SERVICE_ACCOUNT, grant
from sandbox.scenarios.runner import SandboxRunner
from sandbox.serving import LOOPBACK
from sandbox.slack import Seed, SlackWorkspace, default_seed
from sandbox.traffic import TrafficLog

INCIDENT_CHANNEL = "incidents"
APPROVERS_GROUP = "oncall"

# A person watches the scripted model think; at once would look like a page that jumps.
_SCRIPTED_PACE = 0.02


class World:
    """The embedded default of the demonstration and of the end-to-end tests.

    speed: how many times faster than real the cluster's waiting times pass. scripted_claude: also serve a Messages API
    with the scripted model behind it. applications: names of the demo applications to install, None for all.
    manifest: the bot's manifest.yml, which decides what Slack delivers to it. tls: serve the cluster over https.
    delivery: how patient PagerDuty's webhooks are.
    """

    def __init__(
        self,
        *,
        speed: float = DEFAULT_SPEED,
        scripted_claude: bool = False,
        applications: Iterable[str] | None = None,
        manifest: Path | str | None = None,
        tls: bool = True,
        delivery: DeliveryPolicy | None = None,
    ) -> None:
        self.traffic = TrafficLog()
        self._seed: Seed = default_seed(manifest)
        people = [(person.real_name, person.email) for person in self._seed.people]
        self.kubernetes = KubernetesServer(traffic=self.traffic, speed=speed, tls=tls)
        self.pagerduty = PagerDutyServer(traffic=self.traffic, people=people, delivery=delivery)
        self.messages = MessagesServer(traffic=self.traffic, pace=_SCRIPTED_PACE) if scripted_claude else None
        self.runner = SandboxRunner(self.pagerduty, self.open_cluster, announce=self._announce)
        self.slack = SlackWorkspace(seed=self._seed, traffic=self.traffic, scenarios=self.runner)
        self._applications, self._speed = applications, speed
        self._directory: Path | None = None
        self._subscription: Subscription | None = None

    async def start(self, host: str = LOOPBACK, port: int = 0) -> Self:
        """Start everything; `host` and `port` are the Slack page's, the rest takes free ports on loopback.

        The demo applications are healthy when this returns. Raise OSError when the port is taken.
        """
        self._directory = Path(tempfile.mkdtemp(prefix="oncall-sandbox-"))
        try:
            await self.slack.start(host=host, port=port)
            channel = self.slack.channel_id(INCIDENT_CHANNEL)
            modes = SlackModes({}, default_channel=channel)
            self.pagerduty.connect_slack(self.slack.api_url, self.slack.app("pagerduty").bot_token, modes)
            await self.pagerduty.start()
            if self.messages is not None:
                await self.messages.start()
            await self.kubernetes.start()
            async with self.open_cluster() as cluster:
                await grant(cluster, NAMESPACE)
                await install(cluster, self._applications)
            token = self.kubernetes.token_for(NAMESPACE, SERVICE_ACCOUNT)
            self.kubernetes.write_kubeconfig(self.kubeconfig, token=token, namespace=NAMESPACE)
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Stop everything, so that nothing talks to what is gone. Also after a failed start, and twice."""
        if self._directory is None:
            return
        await self.runner.stop()
        await self.pagerduty.stop()
        if self.messages is not None:
            await self.messages.stop()
        await self.slack.stop()
        await self.kubernetes.stop()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
        self._directory = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    def open_cluster(self) -> ClusterClient:
        """Return a client with the administrator's rights, to be used as `async with`."""
        kubernetes = self.kubernetes
        return ClusterClient(kubernetes.url, kubernetes.admin_token, kubernetes.certificate_authority)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the bot's ServiceAccount. Raise RuntimeError before `start`."""
        if self._directory is None:
            raise RuntimeError("the world was not started")
        return self._directory / "kubeconfig"

    def environment(self, api_port: int) -> dict[str, str]:
        """Return the bot's settings, and point PagerDuty's webhooks at its port (only at the last one asked for).

        DATABASE_URL is not among them: where the bot keeps its rows is the caller's decision.
        """
        self._connect_webhooks(f"http://{LOOPBACK}:{api_port}/webhook/pagerduty")
        oncall = self.slack.app("oncall")
        settings = {
            "SLACK_BOT_TOKEN": oncall.bot_token,
            "SLACK_APP_TOKEN": oncall.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "INCIDENT_CHANNEL": self.slack.channel_id(INCIDENT_CHANNEL),
            "APPROVERS": self.slack.group_id(APPROVERS_GROUP),
            "PAGERDUTY_API_TOKEN": self.pagerduty.api_token,
            "PAGERDUTY_API_URL": self.pagerduty.url,
            "PAGERDUTY_WEBHOOK_SECRET": self.pagerduty.webhook_secret,
            "PAGERDUTY_FROM_EMAIL": AUTOMATION_USER[1],
            "K8S_ENABLED": "true",
            "K8S_CONFIG_PATH": str(self.kubeconfig),
            "K8S_NAMESPACE": NAMESPACE,
            "K8S_ENABLE_DESTRUCTIVE_OPERATIONS": "true",
            # The cluster's clock runs faster than the wall's, and so does the time a fix has to hold.
            "K8S_VERIFY_HOLD_SECONDS": f"{max(1.0, 10 / self._speed):g}",
            "API_HOST": LOOPBACK,
            "API_PORT": str(api_port),
        }
        if self.messages is not None:
            settings["ANTHROPIC_BASE_URL"] = self.messages.url
            settings["ANTHROPIC_API_KEY"] = self.messages.api_key
        return settings

    def _connect_webhooks(self, url: str) -> None:
        subscriptions = self.pagerduty.webhooks.subscriptions
        if self._subscription is not None:
            if self._subscription.url == url:
                return
            subscriptions.pop(self._subscription.id, None)
        self._subscription = self.pagerduty.add_webhook(url)

    def _announce(self, event: dict[str, Any]) -> None:
        self.slack.announce(event)
