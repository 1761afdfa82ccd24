"""What can go wrong, as prose: an exception's docstring is its default message."""


class ObserverError(Exception):
    """The observer could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigurationError(ObserverError):
    """The configuration is not valid."""


class DataDirLocked(ObserverError):
    """Another process owns this data directory."""


class DataDirUnusable(ObserverError):
    """The data directory cannot be written to."""


class PayloadRejected(ObserverError):
    """The delivery is not an event of this source."""

    def __init__(self, message: str, *, field: str | None = None, status: int = 422) -> None:
        super().__init__(message)
        self.field = field
        self.status = status


class NotAllowed(ObserverError):
    """The token does not allow this."""


class UnknownToken(ObserverError):
    """No token that counts has this name or id."""


class TokenConflict(ObserverError):
    """This token cannot be added."""


class TooManyFollowers(ObserverError):
    """As many follow sessions as may at once: try again later."""


class InboxFull(ObserverError):
    """The inbox is full: try again later."""


class ObserverUnavailable(ObserverError):
    """The observer cannot take events now: try again later."""


class RecordsUnavailable(ObserverError):
    """The records cannot be written or read now: try again later."""


class UnknownSession(ObserverError):
    """No session has this id."""


class UnknownTrace(ObserverError):
    """No session or trace has this id."""


class AmbiguousTrace(ObserverError):
    """Several sessions or traces have this id."""


class UnknownApproval(ObserverError):
    """No approval has this id."""


class ApprovalConflict(ObserverError):
    """This approval was already answered or withdrawn."""


class ApprovalExpired(ObserverError):
    """The deadline of this approval has passed."""


class AnswerRejected(ObserverError):
    """The answer does not fit the pending approval."""


class OutsideIncident(ObserverError):
    """The action would reach a node that does not belong to this incident."""


class NothingToResume(ObserverError):
    """Nothing of this session waits for an answer or for another try."""


class EarlierEventFailed(ObserverError):
    """An earlier event of this session failed and goes first."""


class UnknownDeadLetter(ObserverError):
    """No dead letter has this id."""


class NotADeadLetter(ObserverError):
    """This event is not given up, or not any more: there is nothing to redeliver."""


class UnknownKnownError(ObserverError):
    """No known error has this id."""


class KnownErrorConflict(ObserverError):
    """This known error cannot be ruled on like that in its present state."""


class ModelsExhausted(ObserverError):
    """No model of the chain gave a usable answer."""


class Undelivered(ObserverError):
    """A required notification could not be delivered; it is kept and tried again."""

    def __init__(self, message: str, *, nobody: bool) -> None:
        super().__init__(message)
        self.nobody = nobody
        """Whether not a single person has heard of the event by any channel."""


class KillSwitchOn(ObserverError):
    """The kill switch is on."""


class CapReached(ObserverError):
    """As much was done without asking as autonomy.yaml lets be done."""


class StepFailed(ObserverError):
    """A step of a run failed; its own error's words hold what must not be written down."""


class NothingToJudge(ObserverError):
    """No event of this session has ended in a run."""
