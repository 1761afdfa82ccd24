"""Check the whole configuration without starting anything."""

from observer.cli.environment import DEFAULT_CONFIG, AsJson, ConfigDir
from observer.cli.render import emit, say
from observer.errors import ConfigurationError


def validate(config: ConfigDir = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check all configuration; name the file, the key and the line of what is wrong."""
    from observer.settings import load_configuration

    try:
        load_configuration(config)
    except ConfigurationError as error:
        if as_json:
            emit({"valid": False, "config": str(config), "error": str(error)})
        raise
    if as_json:
        emit({"valid": True, "config": str(config)})
    else:
        say(f"configuration is valid: {config}")
