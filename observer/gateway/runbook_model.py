"""`runbook:`, the embedded default: a chat model that answers from runbook.yaml, offline.

It goes the same way as every other model, so the system without a key is the same system. The
facts it needs travel beside the prompt's text, in the message's `additional_kwargs`.
"""

from __future__ import annotations

import json
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda

from observer.domain.event import Severity
from observer.domain.mission import Snapshot, Terms
from observer.domain.mission_rules import judge
from observer.domain.runbook import Runbook
from observer.domain.severity import from_keywords

MODEL_ID = "runbook"


class RunbookChatModel(BaseChatModel):
    """Deterministic: the same facts, the same answer."""

    runbook: Runbook

    @property
    def _llm_type(self) -> str:
        return MODEL_ID

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        facts = messages[-1].additional_kwargs.get("facts", {})
        answer = self._answer(facts)
        message = AIMessage(
            content=json.dumps(answer),
            response_metadata={"model_name": MODEL_ID},
            usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """The same answers, in the shape that LangChain's structured output has."""

        def parse(raw: Any) -> dict[str, Any]:
            return {"raw": raw, "parsed": json.loads(raw.content), "parsing_error": None}

        return self | RunnableLambda(parse)

    def _answer(self, facts: dict[str, Any]) -> dict[str, Any]:
        if "snapshot" in facts:
            return self._verdict(facts)
        return self._diagnosis(facts) if "severity" in facts else self._severity(facts)

    def _verdict(self, facts: dict[str, Any]) -> dict[str, Any]:
        snapshot = Snapshot.model_validate(facts["snapshot"])
        return judge(snapshot, Terms.model_validate(facts["terms"])).model_dump()

    def _severity(self, facts: dict[str, Any]) -> dict[str, Any]:
        severity, reason = from_keywords(facts.get("message", ""))
        return {"severity": severity.value, "reason": reason}

    def _diagnosis(self, facts: dict[str, Any]) -> dict[str, Any]:
        severity = Severity(facts["severity"])
        play = self.runbook.play(severity, facts["stage"], facts["remedies"])
        if play is None:
            return {
                "root_cause": "the runbook has no further play for this",
                "verdict": "not_proven",
                "remedy": "none",
                "reading": "none",
            }
        return {
            "root_cause": play.cause,
            "verdict": "proven",
            "remedy": play.remedy,
            "reading": "none",
        }
