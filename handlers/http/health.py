"""`/healthz`, `/readyz` and `/metrics`."""

from aiohttp import web

from bot.services import Services
from handlers.http.metrics import CONTENT_TYPE, Metrics


def register(app: web.Application, services: Services, metrics: Metrics) -> None:
    """Add the three routes."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        components = await services.status.report()
        ready = all(component.ok for component in components if component.required)
        body = {
            "status": "ready" if ready else "not ready",
            "components": [component.model_dump() for component in components],
        }
        return web.json_response(body, status=200 if ready else 503)

    async def read_metrics(_request: web.Request) -> web.Response:
        metrics.backlog.set(await services.intake.backlog())
        figures = await services.analytics.figures(7)
        metrics.open_incidents.set(figures.open_now)
        metrics.pending_proposals.set(len(await services.approvals.pending()))
        for outcome in ("approved", "rejected", "expired", "succeeded", "failed"):
            metrics.proposals.labels(outcome).set(getattr(figures.proposals, outcome))
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", read_metrics)
