"""How a look at the real world fails, so that no failure is mistaken for a finding."""


class SourceTrouble(Exception):
    """What we look through gives no answer. It says nothing about what we look at."""


class NotConfigured(SourceTrouble):
    """observer.yaml does not say where it is."""


class Unreachable(SourceTrouble):
    """No connection. `refused` tells that the other end itself said no, or hung up."""

    def __init__(self, reason: str, *, refused: bool) -> None:
        super().__init__(reason)
        self.refused = refused


class WrongParameters(Exception):
    """What was asked for can't be asked; says what can."""
