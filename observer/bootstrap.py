"""Builds the observer from its configuration, and takes it down again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from observer.domain.budget import DayBudget, RunBudget
from observer.errors import RecordsUnavailable
from observer.gateway.budgets import Budgets
from observer.gateway.chat_models import ChatModels
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.logs import clean_logs
from observer.gateway.mcp_sessions import McpSessions
from observer.gateway.models import Models
from observer.gateway.money import Money
from observer.gateway.offered_tools import refuse_misfits
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.run_health import RunHealth
from observer.gateway.today import Today
from observer.records import anchor
from observer.records.activity import ActivityRecords
from observer.records.approvals import Approvals
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.dead_letters import DeadLetters
from observer.records.drain import Drain
from observer.records.events import Events
from observer.records.failures import Failures
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.keyring import Keyring
from observer.records.kill_switch import KillSwitch
from observer.records.learned import Learned
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.records.mission import Mission
from observer.records.outcomes import Outcomes
from observer.records.progress import Progress
from observer.records.redactor import redactor_of
from observer.records.session_views import SessionViews
from observer.records.sessions import Sessions
from observer.records.spans import Spans
from observer.records.spending import Spending
from observer.records.steps import Steps
from observer.records.tokens import Tokens
from observer.services import Services
from observer.settings import Configuration
from observer.settings.fingerprint import fingerprint

logger = logging.getLogger("observer")


@asynccontextmanager
async def open_services(
    configuration: Configuration, data_dir: DataDir, tools: McpSessions | None = None
) -> AsyncIterator[Services]:
    """Open records and tool servers of a data directory that this process has locked.

    `tools` stand for the configured servers.

    Raises:
        ConfigurationError: a tool server does not start, a tool has no autonomy row, or the
            journal's key is missing.
        DataDirUnusable: the database cannot be used.
    """
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    redactor = redactor_of(configuration, data_dir)
    clean_logs(redactor)
    database = Database(data_dir.records)
    await database.open()
    journal = Journal(redactor)
    spans = Spans(database)
    irreversible = [rule.action for rule in configuration.autonomy.values() if rule.irreversible]
    spending = Spending(database, journal, irreversible)
    # Where the file cannot be written yet, they stay open a little longer.
    with suppress(RecordsUnavailable):
        await spending.settle_cut(spans)
        await spans.end_orphans()
    keyring = Keyring(configuration.journal_keys)
    await database.read(lambda connection: anchor.refuse_unknown_key(connection, keyring))
    drain = Drain(database, data_dir, journal, keyring)
    ledger = Ledger(database, journal, spans)
    approvals = Approvals(database, journal)
    events = Events(database)
    settings = configuration.observer
    chat_models = ChatModels(configuration)
    mcp = tools or McpSessions(
        settings.mcp_servers, str(data_dir.path.resolve()), configuration.sections
    )
    memory = Memory(
        database,
        journal,
        configuration.known_errors,
        retire_after=settings.learning.retire_after_failures,
    )
    learned = Learned(database, journal, memory, configuration.known_error_rows)
    await learned.open()
    holds = Holds(database, journal)
    await holds.open()
    limits = settings.budget
    failures = Failures(database)
    mission = Mission(database, journal, settings.mission.eval_every)
    await mission.open()
    outcomes = Outcomes(database, journal, followed=bool(settings.triggers.outcomes))
    await outcomes.open()
    tokens = Tokens(database, journal, spans)
    await tokens.open()
    today = Today(
        DayBudget(limits.limits, limits.time_zone),
        spending,
        holds,
        pauses=limits.on_exceeded == "pause",
    )
    # Where the file cannot be written yet, each call asks for its day again.
    with suppress(RecordsUnavailable):
        await today.look()
    money = Money(today, spending)
    per_run = RunBudget(limits.max_tool_calls_per_run)
    health = settings.health
    progress = Progress(database, journal)
    run_health = RunHealth(health.limits, health.on_anomaly, progress, holds, database, journal)
    services = Services(
        configuration=configuration,
        data_dir=data_dir,
        database=database,
        redactor=redactor,
        journal=journal,
        spans=spans,
        steps=Steps(spans),
        drain=drain,
        ledger=ledger,
        kill_switch=KillSwitch(database, journal),
        holds=holds,
        today=today,
        money=money,
        events=events,
        sessions=Sessions(
            database,
            journal,
            configuration=await asyncio.to_thread(fingerprint, configuration.directory),
        ),
        session_views=SessionViews(database),
        dead_letters=DeadLetters(database),
        outcomes=outcomes,
        approvals=approvals,
        progress=progress,
        memory=memory,
        learned=learned,
        failures=failures,
        activity=ActivityRecords(database, failures, configuration.paging),
        mission=mission,
        tokens=tokens,
        mcp=mcp,
        claims=Claims(configuration.tree),
        run_health=run_health,
        dispatcher=Dispatcher(
            mcp,
            ledger,
            approvals,
            Policy(
                configuration.autonomy,
                configuration.caps,
                configuration.tree,
                ledger,
                Patience(events),
            ),
            holds,
            run_health,
            Budgets(ledger, per_run, today, irreversible),
            redactor,
            reads_valid_for_s=settings.worker.reads_valid_for,
        ),
        models=Models(
            configuration,
            spans,
            journal,
            redactor,
            holds,
            run_health,
            money,
            chat_models,
        ),
        runbook=configuration.runbook,
        escalation=configuration.escalation,
        tree=configuration.tree,
    )
    drain.start()
    loading = asyncio.create_task(chat_models.load())
    try:
        await mcp.start()
        refuse_misfits(configuration, mcp)
        for tool in sorted(mcp.tools - set(configuration.redaction.tools)):
            logger.warning("redaction.yaml does not declare %s: its results are dropped", tool)
        await loading
        yield services
    finally:
        loading.cancel()
        await mcp.stop()
        try:
            await spans.flush()
        except RecordsUnavailable as error:
            logger.error("the last spans are lost: %s", error)
        await drain.stop()
        await database.close()
