"""The one redactor of a configuration and its data directory, whoever writes there."""

from __future__ import annotations

from observer.domain.redaction import Redactor
from observer.records.data_dir import DataDir
from observer.records.salt import salt_of
from observer.settings import Configuration


def redactor_of(configuration: Configuration, directory: DataDir) -> Redactor:
    """What takes out held secrets, undeclared fields and, where configured, IP addresses.

    Raises:
        DataDirUnusable: the directory's salt cannot be read or written.
    """
    redaction = configuration.redaction
    return Redactor(
        configuration.secrets,
        ip_addresses=redaction.ip_addresses == "mask",
        fields=redaction.policy(salt_of(directory)),
    )
