"""python: your own check, one file of `telemetry.checks`, run as a process of its own."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any

from pydantic import ConfigDict, ValidationError

from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.healthchecks.contract import Method, Name, Parameters
from mcp_servers.sections import ENVIRONMENT
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health


class OwnCheck(Parameters):
    """`name` says which check; everything else but the time limit is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: Name


async def check(parameters: OwnCheck, sources: Sources) -> Health:
    files = sources.sections.telemetry.checks
    if parameters.name not in files:
        known = ", ".join(files) or "none"
        raise WrongParameters(f"name: {parameters.name!r} is not in telemetry.checks ({known})")
    code, output = await _run(files[parameters.name], parameters.model_extra or {})
    try:
        said = Health.model_validate_json(output)
    except ValidationError as error:
        why = f"it ended with {code}" if code else "it did not answer (status, reason, values)"
        raise SourceTrouble(f"check {parameters.name}: {why}") from error
    return said.model_copy(update={"reason": f"{parameters.name}: {said.reason[:1000]}"})


async def _run(file: str, handed: dict[str, Any]) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_servers.run_own_check",
        file,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # The other parts' addresses and credentials are none of its business.
        env={k: v for k, v in os.environ.items() if k != ENVIRONMENT},
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate(json.dumps(handed).encode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode or 0, output


METHOD = Method(OwnCheck, check)
