"""Starting the durable workflows."""

from typing import Protocol


class WorkflowEngine(Protocol):
    """Starts workflows by an id of their own, so that starting one twice runs it once."""

    def running_triages(self) -> int:
        """Return how many investigations this process is running."""

    async def start_triage(self, incident_id: str, run: int) -> None: ...

    async def start_act(self, proposal_id: str) -> None: ...
