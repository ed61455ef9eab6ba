"""What the usual gateways call the columns of their logs, and which of them a log is from.

Each column has the paths that it was seen under, the first that a log holds counts. Names follow
the gateways' documentation as of 2026; what a log calls otherwise is given with ``--map``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from auditor.audits.logs.columns import CANONICAL, ColumnMap
from fingerprints.field_path import FieldPath

_USAGE_IN = ("usage.prompt_tokens", "usage.input_tokens")
_USAGE_OUT = ("usage.completion_tokens", "usage.output_tokens")


def _below(root: str, *paths: str) -> tuple[str, ...]:
    return tuple(f"{root}{path}" for path in paths)


def _chat(request: str, response: str) -> dict[str, tuple[str, ...]]:
    """What stands in a request and a response of the chat API, wherever these stand."""
    return {
        "prompt": _below(request, "messages", "input", "prompt"),
        "system": _below(request, "instructions", "system"),
        "answer": _below(
            response, "choices[0].message.content", "choices[0].text", "output[0].content[0].text"
        ),
        "model": (*_below(request, "model"), *_below(response, "model")),
        "tokens_in": _below(response, *_USAGE_IN),
        "tokens_out": _below(response, *_USAGE_OUT),
        "max_tokens": _below(request, "max_completion_tokens", "max_tokens", "max_output_tokens"),
        "finish": _below(response, "choices[0].finish_reason", "status"),
        "temperature": _below(request, "temperature"),
        "top_p": _below(request, "top_p"),
        "request_id": _below(response, "id"),
    }


def _both(
    first: Mapping[str, tuple[str, ...]], then: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {name: (*first[name], *then[name]) for name in first}


PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "canonical": {name: (name,) for name in CANONICAL},
    "openai": {
        **_both(_chat("request.", "response."), _chat("", "")),
        "time": ("timestamp", "created_at", "created", "response.created", "time"),
        "account": ("user_id", "account_id", "account", "user", "request.user", "organization"),
        "network": ("ip", "client_ip", "remote_addr"),
        "client": ("user_agent",),
        "key_prefix": ("api_key_prefix", "key_prefix", "api_key_id"),
        "payment": ("payment_hash", "payment", "billing_id"),
        "status": ("status_code", "status", "response.status_code"),
    },
    "litellm": {
        "time": ("startTime", "start_time"),
        "account": ("end_user", "user", "team_id", "metadata.user_api_key_user_id"),
        "prompt": ("messages", "proxy_server_request.messages"),
        "answer": ("response.choices[0].message.content", "response"),
        "model": ("model",),
        "tokens_in": ("prompt_tokens",),
        "tokens_out": ("completion_tokens",),
        "max_tokens": ("model_parameters.max_tokens", "proxy_server_request.max_tokens"),
        "finish": ("response.choices[0].finish_reason",),
        "temperature": ("model_parameters.temperature", "proxy_server_request.temperature"),
        "top_p": ("model_parameters.top_p", "proxy_server_request.top_p"),
        "network": ("requester_ip_address", "metadata.requester_ip_address"),
        "client": ("metadata.user_agent",),
        "key_prefix": ("api_key", "metadata.user_api_key_hash"),
        "request_id": ("request_id", "litellm_call_id"),
    },
    "langfuse": {
        "time": ("startTime", "timestamp", "start_time"),
        "account": ("userId", "user_id", "trace.userId", "metadata.user_id"),
        "prompt": ("input.messages", "input"),
        "answer": ("output.content", "output"),
        "model": ("model", "providedModelName"),
        "tokens_in": ("usage.input", "usageDetails.input", "promptTokens"),
        "tokens_out": ("usage.output", "usageDetails.output", "completionTokens"),
        "max_tokens": ("modelParameters.max_tokens", "modelParameters.maxTokens"),
        "temperature": ("modelParameters.temperature",),
        "top_p": ("modelParameters.top_p",),
        "request_id": ("id",),
    },
    "cloudflare": {
        **_chat("request.", "response."),
        "time": ("created_at", "EdgeStartTimestamp", "Timestamp"),
        "account": ("metadata.user", "metadata.user_id", "user_id", "ClientRequestUser"),
        "prompt": ("request.messages", "RequestBody|messages", "request_body|messages"),
        "answer": (
            "response.choices[0].message.content",
            "response.response",
            "ResponseBody|choices[0].message.content",
            "response_body|choices[0].message.content",
        ),
        "model": ("model", "Model", "RequestBody|model"),
        "tokens_in": ("tokens_in", "ResponseBody|usage.prompt_tokens"),
        "tokens_out": ("tokens_out", "ResponseBody|usage.completion_tokens"),
        "max_tokens": ("request.max_tokens", "RequestBody|max_tokens"),
        "network": ("ClientIP", "client_ip"),
        "client": ("ClientRequestUserAgent", "user_agent"),
        "request_id": ("id", "RayID"),
        "status": ("status_code", "EdgeResponseStatus"),
    },
    "nginx": {
        **_chat("request_body|", "response_body|"),
        "time": ("time_iso8601", "time_local", "msec", "timestamp"),
        "account": (
            "remote_user",
            "http_x_user_id",
            "http_x_api_key_id",
            "account",
            "request_body|user",
        ),
        "network": ("remote_addr", "realip_remote_addr"),
        "client": ("http_user_agent",),
        "request_id": ("request_id",),
        "status": ("status",),
    },
    "azure": {
        **_chat("properties.requestBody|", "properties.responseBody|"),
        "time": ("time", "TimeGenerated"),
        "account": (
            "properties.userId",
            "properties.subscriptionId",
            "properties.objectId",
            "identity.claims.oid",
            "properties.requestBody|user",
        ),
        "model": (
            "properties.modelName",
            "properties.modelDeploymentName",
            "properties.requestBody|model",
        ),
        "network": ("callerIpAddress", "CallerIPAddress"),
        "client": ("properties.userAgent",),
        "request_id": ("correlationId", "CorrelationId"),
        "status": ("resultSignature", "properties.statusCode"),
    },
}
"""The gateways, and the canonical columns under their names."""


def preset_map(preset: str, held: Collection[str], holds: Mapping[str, bool]) -> ColumnMap:
    """A gateway's columns as a log holds them: of every column the first path that leads to a value
    in one of the first rows. ``held`` are the keys at the top, ``holds`` says of a path whether it
    leads to a value."""
    paths = {}
    for column, texts in PRESETS[preset].items():
        for text in texts:
            path = FieldPath.parse(text)
            if path.key in held and holds.get(text, False):
                paths[column] = path
                break
    return ColumnMap(paths, preset)


def detected(held: Collection[str], holds: Mapping[str, bool]) -> list[ColumnMap]:
    """The gateways that a log may be from, that which names most columns first; all hold what is
    needed. Of two with the same number neither is plain."""
    maps = [preset_map(name, held, holds) for name in PRESETS]
    good = [m for m in maps if not m.missing]
    return sorted(good, key=lambda m: -len(m.paths))


def all_paths() -> tuple[str, ...]:
    """Every path of every gateway, once."""
    return tuple(dict.fromkeys(t for p in PRESETS.values() for texts in p.values() for t in texts))
