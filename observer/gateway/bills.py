"""What a model's call may cost, and did: reserved before it goes out, settled after."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from observer.gateway.answers import Tokens, closed_schema
from observer.gateway.failures import may_be_billed
from observer.gateway.money import Money, Reservation
from observer.gateway.question import Question, Skipped
from observer.settings.models_file import ModelsFile, Price
from observer.settings.prices import cost_nano, price_of


@dataclass(frozen=True)
class Bill:
    """One call's price and worst case."""

    price: Price
    worst_nano: int
    reservation: Reservation | None

    def spent(self, used: Tokens | None, error: BaseException | None) -> int:
        """What the call cost. Who does not say what was used may charge the worst case."""
        if used is not None:
            return cost_nano(self.price, used.input, used.output)
        if error is None or may_be_billed(error):
            return self.worst_nano
        return 0


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
        worst = cost_nano(price, _most_tokens(question), self._models.call.max_output_tokens)
        reservation = None
        if worst:
            reservation = await self._money.reserve(question.run, worst, name)
            if isinstance(reservation, str):
                raise Skipped(reservation)
        return Bill(price, worst, reservation)

    async def settle(self, bill: Bill, spent_nano: int) -> None:
        """Count what the call cost instead of its worst case."""
        if bill.reservation is not None:
            await self._money.settle(bill.reservation, spent_nano)


def _most_tokens(question: Question[Any]) -> int:
    """A token is at least a byte; the answer's schema is sent with the prompt."""
    prompt = str(question.message.content).encode()
    return len(prompt) + len(json.dumps(closed_schema(question.schema)))
