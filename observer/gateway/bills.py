"""What a model's call may cost, and did: reserved before it goes out, settled after."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from observer.domain.budget import NANO
from observer.domain.span import Span, SpanKind, span_of
from observer.gateway.answers import Tokens, closed_schema, version_of
from observer.gateway.failures import may_be_billed
from observer.gateway.money import Money, Reservation
from observer.gateway.question import Question, Skipped
from observer.records.spans import now_ms
from observer.settings.models_file import ModelsFile
from observer.settings.prices import UNPRICED, Tariff, tariff_of

_BELIEVED = 10
"""How many times the worst case a provider may say was used."""


@dataclass(frozen=True)
class Charge:
    """What one call is counted with."""

    used: Tokens | None
    nano: int
    table: str
    """The price list that was asked."""
    doubt: str | None = None
    """That the provider's own figure is not what is counted."""


@dataclass(frozen=True)
class Bill:
    """One call's price and worst case."""

    tariff: Tariff
    most: Tokens
    reservation: Reservation | None

    @property
    def worst_nano(self) -> int:
        """What the call costs at its worst."""
        return self.tariff.nano(self.most.input, self.most.output)

    def charge(self, said: Tokens | None, error: BaseException | None) -> Charge:
        """What the call cost. Who does not say what was used may charge the worst case.

        Who says more than ten times that is charged ten times that.
        """
        if said is None:
            billed = error is None or may_be_billed(error)
            return Charge(None, self.worst_nano if billed else 0, self.tariff.table)
        used = Tokens(
            min(said.input, _BELIEVED * self.most.input),
            min(said.output, _BELIEVED * self.most.output),
        )
        doubt = None
        if used != said:
            counted = f"{used.input} and {used.output} tokens are counted"
            doubt = f"the provider's usage is not believed: {counted}"
        nano = self.tariff.nano(used.input, used.output)
        return Charge(used, nano, self.tariff.table, doubt)


class Bills:
    """Opens and settles the bills of paid calls; what is free is never reserved."""

    def __init__(self, models: ModelsFile, money: Money) -> None:
        self._models = models
        self._money = money

    async def open(self, call_id: str, name: str, question: Question[Any]) -> Bill:
        """Reserve the worst case of one call; `call_id` is its span's.

        Raises:
            Skipped: it is more than a budget has left.
        """
        tariff = tariff_of(name, self._models) or UNPRICED
        most = Tokens(_most_tokens(question), self._models.call.max_output_tokens)
        free = Bill(tariff, most, None)
        if not free.worst_nano:
            return free
        reservation = await self._money.reserve(self._if_cut(call_id, name, question, free))
        if isinstance(reservation, str):
            raise Skipped(reservation)
        return replace(free, reservation=reservation)

    def _if_cut(self, call_id: str, name: str, question: Question[Any], bill: Bill) -> Span:
        """The call's span if the process dies before anything comes back of it."""
        return span_of(
            question.run,
            SpanKind.LLM_CALL,
            name=name,
            span_id=call_id,
            started_ms=now_ms(),
            latency_ms=0.0,
            status="interrupted",
            model_id=name.removesuffix(":"),
            model_version=version_of(None, name),
            prompt_version_hash=question.prompt.version_hash,
            input_tokens=0,
            output_tokens=0,
            temperature=self._models.call.temperature,
            cost_usd=bill.worst_nano / NANO,
            cost_nano=bill.worst_nano,
            price_table=bill.tariff.table,
            result_summary="the process died while it was asked; its worst case is counted",
        )

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
