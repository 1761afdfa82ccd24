"""The pipeline's folder, where every action takes effect exactly once.

An action is logged, then applied; whoever opens the folder next makes good what a crash left
between the two. The files may be edited by hand at any time, and the edit counts: only an action
logged but never applied is carried out again, and not even that over a newer state file.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel

from mcp_servers.backends.action_log import ActionLog, AppendItem, Change, LoggedAction, SetStage
from mcp_servers.backends.durable_files import (
    UnreadableFile,
    locked,
    read_json,
    sweep_half_written,
    write_json,
)
from mcp_servers.faults import OUTCOME_FAULTS, Escalation, Faults, Remedy

SEED_STAGES = {
    "ingestion": "healthy",
    "transformation": "degraded",
    "validation": "healthy",
    "loading": "healthy",
    "indexing": "healthy",
}

Result = TypeVar("Result", bound=BaseModel)
ListFile = Literal["incidents.json", "alerts.json"]


class UnknownStage(ValueError):
    """No such stage in the pipeline."""


class KeyReused(ValueError):
    """One idempotency key was given to two different actions."""


class ActionFolder:
    """Everything here but `opened` and `act` expects the folder to be open."""

    def __init__(self, folder: Path, faults: Faults, now: Callable[[], datetime]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._state_file = folder / "pipeline_state.json"
        self._faults = faults
        self._now = now
        self.log = ActionLog(folder / "actions.jsonl")
        with self.opened():
            sweep_half_written(folder)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder alone, seeded, with nothing logged and yet unapplied."""
        with locked(self._folder):
            self._seed()
            self.log.catch_up()
            for logged in self.log.unapplied:
                self._redo(logged.change)
                self.log.mark_applied(logged.key)
            yield

    def act(
        self,
        action: Remedy | Escalation,
        target: str,
        args: dict[str, Any],
        once: str,
        decide: Callable[[str | None], tuple[Result, Change | None]],
        answer: type[Result],
    ) -> Result:
        """Carry out one action, or answer as the first time if this key has been here before."""
        with self.opened():
            if first := self.log.find(once):
                if (first.action, first.target) != (action, target):
                    raise KeyReused(
                        f"the idempotency key '{once}' belongs to {first.action} on "
                        f"'{first.target}'; {action} on '{target}' needs a key of its own"
                    )
                return answer.model_validate(first.result)
            if action in get_args(Remedy):
                self.status(target)
            struck = self._faults.fire(action, target, OUTCOME_FAULTS)
            result, change = decide(struck)
            if struck == "refuse":
                # Nothing happened, so nothing is kept under the key: it may be tried again.
                return result
            self.log.append(
                LoggedAction(
                    key=once,
                    action=action,
                    target=target,
                    args=args,
                    result=result.model_dump(),
                    at=self._now().isoformat(),
                    change=change,
                )
            )
            self._apply(change)
            self.log.mark_applied(once)
            return result

    def stages(self) -> dict[str, str]:
        return self._state()["stages"]

    def status(self, stage: str) -> str:
        stages = self.stages()
        if stage not in stages:
            raise UnknownStage(f"no stage '{stage}'; the stages are {', '.join(stages)}")
        return stages[stage]

    def heal(self, stage: str) -> SetStage:
        before = self._state_file.stat().st_mtime_ns
        return SetStage(stage=stage, status="healthy", before=before)

    def append(self, file: ListFile, prefix: str, fields: dict[str, Any], at: str) -> AppendItem:
        """A new item for a list file, with the next free id and its time under the name `at`."""
        items = self._items(file)
        numbers = [str(item.get("id", "")).removeprefix(f"{prefix}-") for item in items]
        last = max((int(n) for n in numbers if n.isascii() and n.isdigit()), default=0)
        new_id = f"{prefix}-{max(last, len(items)) + 1:04d}"
        item = {"id": new_id, **fields, at: self._now().isoformat()}
        return AppendItem(file=file, item=item)

    def _seed(self) -> None:
        seeds = {
            "pipeline_state.json": {"stages": SEED_STAGES},
            "incidents.json": [],
            "alerts.json": [],
        }
        for name, seed in seeds.items():
            if not (self._folder / name).exists():
                write_json(self._folder / name, seed)

    def _state(self) -> dict[str, Any]:
        state = read_json(self._state_file)
        stages = state.get("stages") if isinstance(state, dict) else None
        if not isinstance(stages, dict) or not all(isinstance(s, str) for s in stages.values()):
            raise UnreadableFile(f"{self._state_file} needs 'stages', each with its status as text")
        return state

    def _items(self, file: ListFile) -> list[dict[str, Any]]:
        items = read_json(self._folder / file)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UnreadableFile(f"{self._folder / file} must be a list of objects")
        return items

    def _redo(self, change: Change | None) -> None:
        now = self._state_file.stat().st_mtime_ns
        if isinstance(change, SetStage) and change.before not in (None, now):
            # The state file has moved on: the change arrived before the crash, or a
            # person has edited the file since. Either way its content is the newer word.
            return
        self._apply(change)

    def _apply(self, change: Change | None) -> None:
        match change:
            case SetStage(stage=stage, status=status):
                state = self._state()
                state["stages"][stage] = status
                write_json(self._state_file, state)
            case AppendItem(file=file, item=item):
                items = self._items(file)
                if all(present.get("id") != item["id"] for present in items):
                    write_json(self._folder / file, [*items, item])
