"""Services that take a request as strictly as the real ones do: a field that they don't know, a
header that is missing or a value out of range is an error in the service's own words.

Each is a behaviour of `tests.faultserver.FaultServer`. The shapes are those of the services' public
references in November 2026; ``refusing`` names what one model of a service refuses besides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.faultserver import Behaviour, Exchange, completion

Refusal = Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]] | None]
"""What a server refuses of a body: the status and the error, None where it doesn't."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Turn(Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field()]


class ChatRequest(Strict):
    model: str
    messages: Annotated[list[Turn], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int | None = None
    stream: bool = False


class ResponsesRequest(Strict):
    model: str
    input: Annotated[list[Turn], Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=16)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    store: bool = True


class UserOrAssistant(Strict):
    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class MessagesRequest(Strict):
    model: str
    max_tokens: Annotated[int, Field(ge=1)]
    messages: Annotated[list[UserOrAssistant], Field(min_length=1)]
    system: Annotated[str, Field(min_length=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None


class GeminiPart(Strict):
    text: Annotated[str, Field(min_length=1)]


class GeminiContent(Strict):
    role: Literal["user", "model"] = "user"
    parts: Annotated[list[GeminiPart], Field(min_length=1)]


class GenerationConfig(Strict):
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    topP: float = 0.95
    seed: int | None = None
    maxOutputTokens: Annotated[int, Field(ge=1)]


class GeminiRequest(Strict):
    contents: Annotated[list[GeminiContent], Field(min_length=1)]
    systemInstruction: GeminiContent | None = None
    generationConfig: GenerationConfig


class ConverseBlock(Strict):
    text: Annotated[str, Field(min_length=1)]


class ConverseTurn(Strict):
    role: Literal["user", "assistant"]
    content: Annotated[list[ConverseBlock], Field(min_length=1)]


class InferenceConfig(Strict):
    maxTokens: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    topP: Annotated[float, Field(ge=0, le=1)] = 1.0


class ConverseRequest(Strict):
    messages: Annotated[list[ConverseTurn], Field(min_length=1)]
    system: list[ConverseBlock] | None = None
    inferenceConfig: InferenceConfig


def openai_error(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def anthropic_error(message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def google_error(message: str) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


def _problem(shape: type[Strict], body: dict[str, Any]) -> tuple[str, str]:
    """The first problem of a body, where and what; empty where there is none."""
    try:
        shape.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        return ".".join(str(part) for part in first["loc"]), first["msg"]
    return "", ""


def send(exchange: Exchange, status: int, value: Any) -> None:
    exchange.send(status, json.dumps(value).encode())


def _service(
    shape: type[Strict],
    path: str,
    headers: Mapping[str, str],
    error: Callable[[str], dict[str, Any]],
    answer: Callable[[dict[str, Any]], dict[str, Any]],
    refusing: tuple[Refusal, ...],
) -> Behaviour:
    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        given = {k.lower(): v for k, v in exchange.headers.items()}
        if exchange.path != path:
            return send(exchange, 404, error(f"no route {exchange.path}"))
        for name, value in headers.items():
            if given.get(name) != value:
                return send(exchange, 401, error(f"header {name} is missing or wrong"))
        where, what = _problem(shape, body)
        if what:
            return send(exchange, 400, error(f"{where}: {what}"))
        for refusal in refusing:
            if (refused := refusal(body)) is not None:
                return send(exchange, *refused)
        return send(exchange, 200, answer(body))

    return behave


def last_text(body: Mapping[str, Any]) -> str:
    """The last turn's text, whatever the shape."""
    turns = body.get("messages") or body.get("input") or body.get("contents")
    assert isinstance(turns, list)
    content = turns[-1].get("content", turns[-1].get("parts"))
    return str(content if isinstance(content, str) else content[-1]["text"])


def chat(*refusing: Refusal, key: str, model: str = "lamb") -> Behaviour:
    """An OpenAI-compatible ``/v1/chat/completions`` that echoes the last turn."""
    return _service(
        ChatRequest,
        "/v1/chat/completions",
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
        openai_error,
        lambda body: completion(f"re: {last_text(body)}", model=model),
        refusing,
    )


def azure(*refusing: Refusal, key: str, path: str) -> Behaviour:
    """A deployment at exactly this path and query, by the key in its own header."""
    wanted = {"api-key": key}
    answer = lambda body: completion(f"re: {last_text(body)}")  # noqa: E731
    return _service(ChatRequest, path, wanted, openai_error, answer, refusing)


def responses(*refusing: Refusal, key: str) -> Behaviour:
    """OpenAI's ``/v1/responses``: a reasoning item, then a message."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        part = {"type": "output_text", "text": f"re: {last_text(body)}", "annotations": []}
        thought = {"type": "summary_text", "text": "Hm."}
        return {
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "model": body["model"],
            "output": [
                {"id": "rs_1", "type": "reasoning", "summary": [thought]},
                {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]},
            ],
            "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
        }

    wanted = {"authorization": f"Bearer {key}"}
    return _service(ResponsesRequest, "/v1/responses", wanted, openai_error, answer, refusing)


def messages(*refusing: Refusal, key: str, stop: str = "end_turn") -> Behaviour:
    """Anthropic's ``/v1/messages``: thinking, then text."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
        parts = [thinking, {"type": "text", "text": f"re: {last_text(body)}"}]
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": f"{body['model']}-20260101",
            "content": parts,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 7, "output_tokens": 3},
        }

    wanted = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return _service(MessagesRequest, "/v1/messages", wanted, anthropic_error, answer, refusing)


def gemini(*refusing: Refusal, key: str, model: str) -> Behaviour:
    """Gemini's ``:generateContent``: a thought, then text."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        parts = [{"text": "Hm.", "thought": True}, {"text": f"re: {last_text(body)}"}]
        content = {"role": "model", "parts": parts}
        return {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
            "modelVersion": f"{model}-001",
            "responseId": "r",
        }

    path, wanted = f"/v1beta/models/{model}:generateContent", {"x-goog-api-key": key}
    return _service(GeminiRequest, path, wanted, google_error, answer, refusing)


def converse(*refusing: Refusal, headers: Mapping[str, str], path: str) -> Behaviour:
    """Bedrock's ``/model/ID/converse``: reasoning, then text."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
        content = [thought, {"text": f"re: {last_text(body)}"}]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10},
            "metrics": {"latencyMs": 5},
        }

    def error(message: str) -> dict[str, Any]:
        return {"message": message}

    return _service(ConverseRequest, path, headers, error, answer, refusing)
