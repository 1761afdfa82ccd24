"""Everything the observer is made of, built once at start and handed out by name."""

from __future__ import annotations

from dataclasses import dataclass

from observer.domain.dependency_tree import DependencyTree
from observer.domain.redaction import Redactor
from observer.domain.runbook import Escalation, Runbook
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.mcp_sessions import McpSessions
from observer.gateway.models import Models
from observer.gateway.money import Money
from observer.gateway.run_health import RunHealth
from observer.gateway.today import Today
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
from observer.records.kill_switch import KillSwitch
from observer.records.learned import Learned
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.records.mission import Mission
from observer.records.outcomes import Outcomes
from observer.records.progress import Progress
from observer.records.session_views import SessionViews
from observer.records.sessions import Sessions
from observer.records.spans import Spans
from observer.records.steps import Steps
from observer.records.tokens import Tokens
from observer.settings import Configuration


@dataclass(frozen=True)
class Services:
    """The parts. A node names the ones it may touch as parameters and is given no others."""

    configuration: Configuration
    data_dir: DataDir
    database: Database
    redactor: Redactor
    journal: Journal
    spans: Spans
    steps: Steps
    drain: Drain
    ledger: Ledger
    kill_switch: KillSwitch
    holds: Holds
    today: Today
    money: Money
    events: Events
    sessions: Sessions
    session_views: SessionViews
    dead_letters: DeadLetters
    outcomes: Outcomes
    approvals: Approvals
    progress: Progress
    memory: Memory
    learned: Learned
    failures: Failures
    activity: ActivityRecords
    mission: Mission
    tokens: Tokens
    mcp: McpSessions
    claims: Claims
    run_health: RunHealth
    dispatcher: Dispatcher
    models: Models
    runbook: Runbook
    escalation: Escalation
    tree: DependencyTree
