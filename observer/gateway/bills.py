"""What a model's call may cost, and did: reserved before it goes out, settled after."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from observer.gateway.answers import Tokens, closed_schema
from observer.gateway.failures import may_be_billed
from observer.gateway.money import Money, Reservation
from observer.gateway.question import Question, Skipped
from observer.settings.models_file import ModelsFile, Price
from observer.settings.prices import cost_nano, price_of

_BELIEVED = 10
"""How many times the worst case a provider may say was used."""


@dataclass(frozen=True)
class Charge:
    """What one call is counted with."""

    used: Tokens | None
    nano: int
    doubt: str | None = None
    """That the provider's own figure is not what is counted."""


@dataclass(frozen=True)
class Bill:
    """One call's price and worst case."""

    price: Price
    most: Tokens
    reservation: Reservation | None

    @property
    def worst_nano(self) -> int:
        """What the call costs at its worst."""
        return cost_nano(self.price, self.most.input, self.most.output)

    def charge(self, said: Tokens | None, error: BaseException | None) -> Charge:
        """What the call cost. Who does not say what was used may charge the worst case.

        Who says more than ten times that is charged ten times that.
        """
        if said is None:
            billed = error is None or may_be_billed(error)
            return Charge(None, self.worst_nano if billed else 0)
        used = Tokens(
            min(said.input, _BELIEVED * self.most.input),
            min(said.output, _BELIEVED * self.most.output),
        )
        doubt = None
        if used != said:
            counted = f"{used.input} and {used.output} tokens are counted"
            doubt = f"the provider's usage is not believed: {counted}"
        return Charge(used, cost_nano(self.price, used.input, used.output), doubt)


class Bills:
    """Opens and settles the bills of paid calls; what is free is never reserved."""

    def __init__(self, models: ModelsFile, money: Money) -> None:
        self._models = models
        self._money = money

    async def open(self, name: str, question: Question[Any]) -> Bill:
        """Reserve the worst case of one call.

        Raises:
            Skipped: it is more than a budget has left.
        """
        price = price_of(name, self._models) or Price(input=0, output=0)
        most = Tokens(_most_tokens(question), self._models.call.max_output_tokens)
        free = Bill(price, most, None)
        if not free.worst_nano:
            return free
        reservation = await self._money.reserve(question.run, free.worst_nano, name)
        if isinstance(reservation, str):
            raise Skipped(reservation)
        return replace(free, reservation=reservation)

    async def settle(self, bill: Bill, spent_nano: int) -> None:
        """Count what the call cost instead of its worst case."""
        if bill.reservation is not None:
            await self._money.settle(bill.reservation, spent_nano)

    def close(self, bill: Bill) -> None:
        """The call is over: where it was not settled, its worst case is what it cost."""
        if bill.reservation is not None:
            self._money.close(bill.reservation)


def _most_tokens(question: Question[Any]) -> int:
    """A token is at least a byte; the answer's schema is sent with the prompt."""
    prompt = str(question.message.content).encode()
    return len(prompt) + len(json.dumps(closed_schema(question.schema)))
