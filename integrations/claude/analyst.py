"""Claude as an analyst: a tool-using loop with limits, and a report that code checks before anybody reads it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from bot.domain.analysis import Analysis, Provenance
from bot.domain.evidence import ProgressItem, ProgressState
from bot.domain.redaction import redact
from bot.errors import AuthenticationFailed, InvalidResponse, Unavailable, VendorError
from bot.ports.analyst import Brief
from bot.ports.evidence import EvidenceTool, ReportProgress
from bot.settings import ClaudeSettings
from integrations.claude.failures import check_stop, translated
from integrations.claude.prompt import LAST_TURN, NO_REPORT, OPENING, SYSTEM
from integrations.claude.reading import ReadingDesk, find_orders
from integrations.claude.report import REPORT_TOOL, Report, check_citations, check_proposals, read_report, report_tool
from integrations.claude.spending import VENDOR, Spending

_STALL_SECONDS: Final = 30.0
_PROGRESS_KEY: Final = "claude"


class ClaudeAnalyst:
    """Implements `Analyst` over the Messages API. The SDK is imported with the first analysis."""

    name = "Claude"

    def __init__(self, settings: ClaudeSettings) -> None:
        self._settings = settings
        self._client: Any = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def analyse(self, brief: Brief, tools: tuple[EvidenceTool, ...], report: ReportProgress) -> Analysis:
        """Return Claude's analysis of `brief`; see the port. Raise VendorError, the time limit included."""
        started = time.perf_counter()

        def progress(state: ProgressState, detail: str) -> None:
            took = (time.perf_counter() - started) * 1000 if state is not ProgressState.RUNNING else None
            report(ProgressItem(key=_PROGRESS_KEY, label="Claude", state=state, detail=detail, duration_ms=took))

        progress(ProgressState.RUNNING, "Claude begins to read")
        session = _Session(self._connect(), self._settings, brief, tools, progress)
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                analysis = await session.run()
        except TimeoutError as error:
            progress(ProgressState.ERROR, "Claude took too long")
            raise Unavailable(
                f"Claude did not finish within {self._settings.timeout_seconds:g} s.", vendor=VENDOR
            ) from error
        except VendorError as error:
            progress(ProgressState.ERROR, error.message)
            raise
        progress(ProgressState.OK, f"{session.spending.turns} turns, ${session.spending.cost_usd:.3f}")
        took = (time.perf_counter() - started) * 1000
        return analysis.model_copy(update={"provenance": session.provenance(took)})

    def _connect(self) -> Any:
        if self._settings.api_key is None:
            raise AuthenticationFailed("There is no API key.", vendor=VENDOR, next_step="Set ANTHROPIC_API_KEY.")
        if self._client is None:
            from anthropic import AsyncAnthropic  # noqa: PLC0415 - heavy, and only needed with a key

            self._client = AsyncAnthropic(
                api_key=self._settings.api_key.get_secret_value(),
                base_url=self._settings.base_url,
                timeout=min(_STALL_SECONDS, self._settings.timeout_seconds),
                max_retries=2,
            )
        return self._client


class _Session:
    """One analysis: an append-only history, what was spent, and the checks on the report."""

    def __init__(
        self,
        client: Any,
        settings: ClaudeSettings,
        brief: Brief,
        tools: tuple[EvidenceTool, ...],
        progress: Callable[[ProgressState, str], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._brief = brief
        self._progress = progress
        self._desk = ReadingDesk(brief, tools)
        self._tools = [*self._desk.schemas(), report_tool(spec.name for spec in brief.actions)]
        self._messages: list[dict[str, Any]] = [{"role": "user", "content": OPENING}]
        self._repaired = False
        self._notes: list[str] = []
        self.spending = Spending(settings)

    async def run(self) -> Analysis:
        """Take turns until a report stands."""
        if orders := find_orders(self._brief.evidence):
            self._notes.append(
                f"Evidence {', '.join(orders)} holds text that reads like instructions; it was treated as data."
            )
        while True:
            message = await self._take_turn()
            calls = [block for block in message.content if block.type == "tool_use"]
            submitted = next((call for call in calls if call.name == REPORT_TOOL), None)
            if submitted is not None:
                analysis, problems = self._judge(submitted.input)
                if analysis is not None and (not problems or self._repaired):
                    self._notes.extend(problems[:3])
                    return analysis
                if self._repaired:
                    raise InvalidResponse(f"Claude's report does not hold: {problems[0]}", vendor=VENDOR)
                self._ask_for_repair(calls, problems)
            elif calls:
                seen = dict.fromkeys(self._desk.describe(call.name, call.input) for call in calls)
                self._progress(ProgressState.RUNNING, f"Claude is reading {', '.join(seen)}"[:300])
                self._answer(await self._desk.run_all(calls))
            elif message.stop_reason != "pause_turn":
                self._ask_to_submit()

    async def _take_turn(self) -> Any:
        """Make one request. The history only grows: thinking is bound to everything that stands before it."""
        max_tokens = self.spending.begin_turn()
        async with translated():
            async with self._client.messages.stream(
                model=self._settings.model,
                max_tokens=max_tokens,
                system=SYSTEM,
                tools=self._tools,
                tool_choice={"type": "auto"},
                thinking={"type": "adaptive", "display": "summarized"},
                output_config={"effort": self._settings.effort},
                cache_control={"type": "ephemeral"},
                messages=list(self._messages),
            ) as stream:
                async for event in stream:
                    if event.type == "content_block_start" and event.content_block.type == "thinking":
                        self._progress(ProgressState.RUNNING, "Claude is thinking")
                message = await stream.get_final_message()
            self.spending.add(message.usage)
            self._messages.append(message.to_param())
        check_stop(message)
        return message

    def _answer(self, results: list[dict[str, Any]]) -> None:
        content = list(results)
        if self.spending.is_last_turn:
            content.append({"type": "text", "text": LAST_TURN})
        self._messages.append({"role": "user", "content": content})

    def _ask_for_repair(self, calls: list[Any], problems: list[str]) -> None:
        self._repaired = True
        self._progress(ProgressState.RUNNING, "Claude's report is sent back to be mended")
        text = "The report was not accepted. " + " ".join(problems[:8]) + " Mend it and submit it again."
        self._answer(
            [{"type": "tool_result", "tool_use_id": call.id, "content": text, "is_error": True} for call in calls]
        )

    def _ask_to_submit(self) -> None:
        if self._repaired:
            raise InvalidResponse("Claude answered without a report.", vendor=VENDOR)
        self._repaired = True
        self._messages.append({"role": "user", "content": NO_REPORT})

    def _judge(self, arguments: Any) -> tuple[Analysis | None, list[str]]:
        """Return the analysis as far as it holds, and what does not hold; None when nothing carries it."""
        report = read_report(arguments)
        if isinstance(report, str):
            return None, [report]
        cited, problems = check_citations(report, self._brief.evidence)
        proposals, refused = check_proposals(report, self._brief)
        if not cited:
            return None, problems
        return self._write(report, cited, proposals), problems + refused

    def _write(self, report: Report, cited: Any, proposals: Any) -> Analysis:
        if report.suspicious_content.strip() and not self._notes:
            self._notes.append("Claude reports text in the evidence that tries to give orders.")
        return Analysis(
            headline=_clean(report.headline, 200),
            severity=report.level,
            root_cause=_clean(report.root_cause, 3000),
            confidence=report.confidence,
            evidence=cited[:12],
            immediate_actions=_clean_all(report.immediate_actions),
            long_term_fixes=_clean_all(report.long_term_fixes),
            monitoring=_clean_all(report.monitoring),
            proposals=proposals[:5],
            provenance=self.provenance(0.0),
        )

    def provenance(self, duration_ms: float) -> Provenance:
        """Return how the analysis was made so far."""
        return Provenance(
            method="claude",
            model=self._settings.model,
            runbook=self._brief.runbook,
            duration_ms=duration_ms,
            turns=self.spending.turns,
            input_tokens=self.spending.input_tokens,
            output_tokens=self.spending.output_tokens,
            cost_usd=self.spending.cost_usd,
            note=" ".join(dict.fromkeys(self._notes)),
        )


def _clean(text: str, limit: int) -> str:
    return redact(" ".join(text.split()))[:limit]


def _clean_all(lines: list[str]) -> tuple[str, ...]:
    return tuple(_clean(line, 600) for line in lines[:10] if line.strip())
