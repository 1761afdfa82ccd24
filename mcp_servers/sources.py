"""What the telemetry server looks through, built once from its settings."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mcp_servers.backends.container_logs import CommandLogs, FileLogs
from mcp_servers.backends.log_sources import LogSource
from mcp_servers.backends.loki import LokiLogs
from mcp_servers.backends.prometheus import PrometheusApi
from mcp_servers.backends.trouble import NotConfigured
from mcp_servers.sections import Sections

Clock = Callable[[], float]


@dataclass(frozen=True)
class Sources:
    """The settings, and how to reach what they name."""

    sections: Sections
    clock: Clock = time.time

    @property
    def prometheus(self) -> PrometheusApi:
        """Prometheus.

        Raises:
            NotConfigured: there is none.
        """
        told = self.sections.telemetry.prometheus
        if told is None:
            raise NotConfigured("telemetry.prometheus is not configured")
        return PrometheusApi(told, self.clock)

    @property
    def logs(self) -> LogSource:
        """The one source of logs.

        Raises:
            NotConfigured: there is none.
        """
        told = self.sections.telemetry
        if told.loki is not None:
            return LokiLogs(told.loki, self.clock)
        if told.log_files is not None:
            return FileLogs(told.log_files, self.clock)
        if told.log_command is not None:
            return CommandLogs(told.log_command, self.clock)
        raise NotConfigured("telemetry has no logs: write loki, log_files or log_command")
