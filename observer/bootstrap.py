"""Builds the observer from its configuration, and takes it down again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from observer.domain.budget import RunBudget
from observer.domain.redaction import Redactor
from observer.errors import ConfigurationError
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.mcp_sessions import McpSessions
from observer.gateway.models import Models
from observer.records.approvals import Approvals
from observer.records.data_dir import DataDir
from observer.records.database import Database, connect, migrate
from observer.records.drain import Drain
from observer.records.events import Events
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.records.session_views import SessionViews
from observer.records.sessions import Sessions
from observer.records.spans import Spans
from observer.services import Services
from observer.settings import Configuration


@asynccontextmanager
async def open_services(configuration: Configuration, data_dir: DataDir) -> AsyncIterator[Services]:
    """Open records and tool servers of a data directory that this process has locked.

    Raises:
        ConfigurationError: a tool server does not start, or a tool has no autonomy row.
        DataDirUnusable: the database cannot be used.
    """
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    redactor = Redactor(list(configuration.secrets))
    database = Database(data_dir.records)
    await database.open()
    journal = Journal(redactor)
    spans = Spans(database)
    drain = Drain(database, data_dir)
    ledger = Ledger(database, journal, spans)
    approvals = Approvals(database, journal)
    mcp = McpSessions(configuration.observer.mcp_servers, str(data_dir.path.resolve()))
    budget = RunBudget(configuration.observer.budget.max_tool_calls_per_run)
    services = Services(
        configuration=configuration,
        data_dir=data_dir,
        database=database,
        redactor=redactor,
        journal=journal,
        spans=spans,
        drain=drain,
        ledger=ledger,
        kill_switch=KillSwitch(database, journal),
        events=Events(database),
        sessions=Sessions(database, journal),
        session_views=SessionViews(database),
        approvals=approvals,
        memory=Memory(database, journal, configuration.known_errors),
        mcp=mcp,
        claims=Claims(),
        dispatcher=Dispatcher(mcp, ledger, approvals, configuration.autonomy, budget, redactor),
        models=Models(configuration, spans, journal, redactor),
        runbook=configuration.runbook,
        escalation=configuration.escalation,
        tree=configuration.tree,
    )
    drain.start()
    try:
        await mcp.start()
        _refuse_unruled_tools(configuration, mcp)
        yield services
    finally:
        await mcp.stop()
        await spans.flush()
        await drain.stop()
        await database.close()


def _refuse_unruled_tools(configuration: Configuration, mcp: McpSessions) -> None:
    path = configuration.directory / "autonomy.yaml"
    if unruled := sorted(mcp.tools - set(configuration.autonomy)):
        raise ConfigurationError(
            f"{path}: actions: the tool servers offer {', '.join(unruled)}, which have no row"
            " here; add one for each, with level `never` for what must not be used"
        )
    used = set(configuration.runbook.tools())
    for calls in (
        *configuration.escalation.outcome.values(),
        *configuration.escalation.approval.values(),
    ):
        used |= {call.tool for call in calls}
    if missing := sorted(used - mcp.tools):
        raise ConfigurationError(
            f"{configuration.directory}: no tool server offers {', '.join(missing)}, which"
            " runbook.yaml or escalation.yaml uses"
        )


def answer_offline(data_dir: Path, approval_id: str, decisions: list[dict[str, Any]]) -> str:
    """Write an approval's answer while no daemon runs; it is taken up at the next start.

    Raises:
        ObserverError: the directory is in use, or the answer does not fit.
    """
    directory = DataDir(data_dir)
    if not directory.records.exists():
        raise ConfigurationError(f"{data_dir}: there is no observer's data here")
    directory.lock()
    try:
        connection = connect(directory.records)
        migrate(connection)
        database = Database(directory.records)
        approvals = Approvals(database, Journal(Redactor([])))
        connection.execute("BEGIN IMMEDIATE")
        try:
            approvals.answer_in(connection, approval_id, decisions)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        connection.close()
    finally:
        directory.unlock()
    return f"the answer to {approval_id} is written down; the observer takes it up when it starts"
