"""Every setting, with its effect, unit and default. Read from the environment and from `.env`, once, at start.

Groups are what integrations receive: none of them reads the environment itself. docs/settings.md is checked against
this module by a test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError

NameList = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list of names; blanks around them do not count."""


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class _Group(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )


class SlackSettings(_Group):
    """The Slack workspace."""

    bot_token: SecretStr = Field(alias="SLACK_BOT_TOKEN", description="Bot token (`xoxb-...`) of the installed app.")
    app_token: SecretStr = Field(
        alias="SLACK_APP_TOKEN", description="App-level token (`xapp-...`) with `connections:write`, for Socket Mode."
    )
    api_url: str = Field(
        "https://slack.com/api/",
        alias="SLACK_API_URL",
        description="Base URL of the Web API: any server that speaks Slack's API.",
    )
    incident_channel: str = Field(
        "incidents",
        alias="INCIDENT_CHANNEL",
        description="Channel (id or name) where incidents that have no Slack message yet get a thread.",
    )
    service_channels: dict[str, str] = Field(
        default_factory=dict,
        alias="SERVICE_CHANNELS",
        description='Routing by service as JSON, such as `{"Payment Service": "payments"}`.',
    )
    alert_app_ids: NameList = Field(
        ("A1FKYAUUX",),
        alias="SLACK_ALERT_APP_IDS",
        description="App ids whose messages are read as alerts; the default is PagerDuty's own Slack app.",
    )

    thread_grace_seconds: float = Field(
        1.5,
        ge=0,
        le=60,
        alias="SLACK_THREAD_GRACE_SECONDS",
        description="Seconds that an incident known by webhook waits for PagerDuty's own Slack message.",
    )

    _lists = field_validator("alert_app_ids", mode="before")(_split)

    @field_validator("bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("xoxb-"):
            raise ValueError("must be a bot token that starts with xoxb-")
        return value

    @field_validator("app_token")
    @classmethod
    def _app_token(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("xapp-"):
            raise ValueError("must be an app-level token that starts with xapp-")
        return value

    @field_validator("api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must be a URL that starts with https:// or http://")
        return value if value.endswith("/") else value + "/"


class PagerDutySettings(_Group):
    """PagerDuty. Without a token the bot works from messages and webhooks alone and writes nothing back."""

    api_token: SecretStr | None = Field(None, alias="PAGERDUTY_API_TOKEN", description="REST API token.")
    api_url: str = Field(
        "https://api.pagerduty.com", alias="PAGERDUTY_API_URL", description="Base URL of the REST API."
    )
    webhook_secret: SecretStr | None = Field(
        None,
        alias="PAGERDUTY_WEBHOOK_SECRET",
        description="Signing secret of the V3 webhook subscription, or several with commas between them while one is "
        "replaced. Without it every webhook is refused.",
    )
    from_email: str | None = Field(
        None,
        alias="PAGERDUTY_FROM_EMAIL",
        description="PagerDuty user in whose name the bot writes when the acting person has no PagerDuty account.",
    )

    @field_validator("api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must be a URL that starts with https:// or http://")
        return value.rstrip("/")


class ClaudeSettings(_Group):
    """Claude. Without a key analyses are rule-based."""

    api_key: SecretStr | None = Field(None, alias="ANTHROPIC_API_KEY", description="API key.")
    base_url: str | None = Field(None, alias="ANTHROPIC_BASE_URL", description="Another address of the Messages API.")
    model: str = Field("claude-opus-5-5", alias="CLAUDE_MODEL", description="Model that writes analyses.")
    effort: str = Field("medium", alias="CLAUDE_EFFORT", description="Depth of thought: low, medium, high, xhigh, max.")
    max_turns: int = Field(8, ge=1, le=50, alias="CLAUDE_MAX_TURNS", description="Requests per analysis.")
    max_tokens: int = Field(
        200_000, ge=1_000, alias="CLAUDE_MAX_TOKENS", description="Input and output tokens per analysis."
    )
    max_cost_usd: float = Field(
        0.5, gt=0, alias="CLAUDE_MAX_COST_USD", description="US dollars per analysis, by list price."
    )
    timeout_seconds: float = Field(
        90, gt=0, alias="CLAUDE_TIMEOUT_SECONDS", description="Seconds per analysis; then the rules' analysis stands."
    )

    @field_validator("effort")
    @classmethod
    def _effort(cls, value: str) -> str:
        if value not in {"low", "medium", "high", "xhigh", "max"}:
            raise ValueError("must be one of low, medium, high, xhigh, max")
        return value


ALL_ACTIONS = (
    "rollout_restart",
    "rollback",
    "scale",
    "set_image",
    "set_env",
    "set_resources",
    "patch_service",
    "patch_configmap",
    "delete_pod",
    "set_probe",
    "cordon",
    "uncordon",
    "suspend_cronjob",
    "resume_cronjob",
    "hpa_bounds",
    "expand_pvc",
    "evict",
    "rerun_job",
    "drain",
    "strip_finalizer",
    "delete_pvc",
)
DESTRUCTIVE_ACTIONS = ("drain", "strip_finalizer", "delete_pvc")
"""Class X whatever their parameters: they have to be named before they are even proposed."""
DEFAULT_ACTIONS = tuple(name for name in ALL_ACTIONS if name not in DESTRUCTIVE_ACTIONS)


class KubernetesSettings(_Group):
    """The cluster."""

    enabled: bool = Field(True, alias="K8S_ENABLED", description="Whether the bot looks at a cluster at all.")
    config_path: Path | None = Field(
        None,
        alias="K8S_CONFIG_PATH",
        description="A kubeconfig. Without it: the pod's own ServiceAccount, else the default kubeconfig.",
    )
    context: str | None = Field(None, alias="K8S_CONTEXT", description="Context of the kubeconfig.")
    namespace: str = Field(
        "default", alias="K8S_NAMESPACE", description="Namespace to look in when an alert does not name one."
    )
    destructive_enabled: bool = Field(
        False,
        alias="K8S_ENABLE_DESTRUCTIVE_OPERATIONS",
        description="Whether approved actions are executed. Off: proposals show the kubectl command only.",
    )
    destructive_actions_allowed: bool = Field(
        False,
        alias="K8S_ALLOW_DESTRUCTIVE_ACTIONS",
        description="Whether destructive actions (class X, such as scaling to 0) may be proposed and executed, each "
        "after two approvers have typed its target's name. Off: they are refused.",
    )
    enabled_actions: NameList = Field(
        DEFAULT_ACTIONS,
        alias="K8S_ENABLED_ACTIONS",
        description="Allow-list of actions that may be proposed and executed.",
    )
    source_timeout_seconds: float = Field(
        5.0, gt=0, alias="K8S_SOURCE_TIMEOUT_SECONDS", description="Seconds that one source of evidence may take."
    )
    verify_timeout_seconds: float = Field(
        120.0,
        gt=0,
        alias="K8S_VERIFY_TIMEOUT_SECONDS",
        description="Seconds until an action counts as not having helped.",
    )
    verify_hold_seconds: float = Field(
        10.0, ge=0, alias="K8S_VERIFY_HOLD_SECONDS", description="Seconds that the target has to stay well."
    )
    service_workloads: dict[str, str] = Field(
        default_factory=dict,
        alias="SERVICE_WORKLOADS",
        description='Which workload a service is, as JSON: `{"Payment Service": "Deployment/shop/payment-service"}`.',
    )

    _lists = field_validator("enabled_actions", mode="before")(_split)

    @field_validator("enabled_actions")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - set(ALL_ACTIONS)):
            raise ValueError(f"names unknown actions: {', '.join(unknown)}")
        return value


class ApprovalSettings(_Group):
    """Who may approve, and for how long a proposal stands."""

    approvers: NameList = Field(
        (),
        alias="APPROVERS",
        description="Slack user ids (U...) and user group ids (S...), comma-separated. Empty: nobody may approve.",
    )
    expiry_minutes: float = Field(
        30.0, gt=0, alias="APPROVAL_EXPIRY_MINUTES", description="Minutes until a proposal expires."
    )

    _lists = field_validator("approvers", mode="before")(_split)


class ApiSettings(_Group):
    """The HTTP server: webhooks, health and metrics."""

    host: str = Field("127.0.0.1", alias="API_HOST", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, alias="API_PORT", description="Port to listen on; 0 takes a free one.")


class DatabaseSettings(_Group):
    """Where everything is kept."""

    url: str = Field(
        "sqlite:///var/oncall.sqlite",
        alias="DATABASE_URL",
        description="`sqlite:///path` or `postgresql://user:password@host/name`.",
    )
    audit_key: SecretStr | None = Field(
        None,
        alias="AUDIT_KEY",
        description="Secret of the audit chain. Without it one is made and kept beside the SQLite file (mode 0600).",
    )
    dead_after_seconds: float = Field(
        30.0,
        ge=1,
        alias="WORKFLOW_DEAD_AFTER_SECONDS",
        description="Seconds without a heartbeat after which another replica takes over a process's workflows.",
    )
    retention_days: int = Field(
        90, ge=1, alias="RETENTION_DAYS", description="Days that evidence and finished workflows are kept."
    )

    @field_validator("url")
    @classmethod
    def _supported(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return "postgresql://" + value.removeprefix("postgres://") if value.startswith("postgres://") else value

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")


class LogSettings(_Group):
    """Logging."""

    level: str = Field("INFO", alias="LOG_LEVEL", description="DEBUG, INFO, WARNING or ERROR.")
    format: str = Field("auto", alias="LOG_FORMAT", description="json, text, or auto: text in a terminal, else json.")

    @field_validator("level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be one of DEBUG, INFO, WARNING, ERROR")
        return value.upper()

    @field_validator("format")
    @classmethod
    def _format(cls, value: str) -> str:
        if value not in {"auto", "json", "text"}:
            raise ValueError("must be one of auto, json, text")
        return value


class TriageSettings(_Group):
    """How much is investigated at once."""

    concurrency: int = Field(
        8, ge=1, le=100, alias="TRIAGE_CONCURRENCY", description="Investigations that run at the same time."
    )
    runbooks_path: Path | None = Field(
        None,
        alias="RUNBOOKS_PATH",
        description="A folder of your own Markdown runbooks, read before the built-in ones.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All groups."""

    slack: SlackSettings
    pagerduty: PagerDutySettings
    claude: ClaudeSettings
    kubernetes: KubernetesSettings
    approval: ApprovalSettings
    api: ApiSettings
    database: DatabaseSettings
    log: LogSettings
    triage: TriageSettings


GROUPS: dict[str, type[_Group]] = {
    "slack": SlackSettings,
    "pagerduty": PagerDutySettings,
    "claude": ClaudeSettings,
    "kubernetes": KubernetesSettings,
    "approval": ApprovalSettings,
    "api": ApiSettings,
    "database": DatabaseSettings,
    "log": LogSettings,
    "triage": TriageSettings,
}


def _sentence(error: ValidationError) -> str:
    """Turn pydantic's report into one sentence that names every setting to mend, without its value."""
    parts = []
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        if problem["type"] == "missing":
            parts.append(f"{name} is not set")
        else:
            parts.append(f"{name} {problem['msg'].removeprefix('Value error, ').lower()}")
    return "; ".join(parts)


G = TypeVar("G", bound=_Group)


def load_group(group: type[G]) -> G:
    """Read one group from the environment. Raise SettingsError with one sentence that names what to mend."""
    try:
        return group()
    except ValidationError as error:
        raise SettingsError(_sentence(error) + ".", next_step="See docs/settings.md.") from None
    except ValueError as error:  # pydantic-settings: a JSON setting that is not JSON
        raise SettingsError(f"A setting cannot be read: {error}.", next_step="See docs/settings.md.") from None


def load() -> Settings:
    """Read all settings. Raise SettingsError that names every missing or malformed setting in one sentence."""
    groups: dict[str, _Group] = {}
    problems: list[str] = []
    for name, group in GROUPS.items():
        try:
            groups[name] = load_group(group)
        except SettingsError as error:
            problems.append(error.message.rstrip("."))
    if problems:
        raise SettingsError(
            "; ".join(problems) + ".", next_step="Set it in the environment or in .env; see docs/settings.md."
        )
    return Settings(**groups)  # type: ignore[arg-type]  # GROUPS and the fields of Settings have the same names
