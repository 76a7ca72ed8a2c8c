"""Every refusal has its own status, code and words, in the caller's dialect, and every way to bring a token works."""

import http.client
import json
import time
from urllib.parse import urlsplit

import anthropic
import google.genai
import openai
import pytest

MODEL = "gpt-4o-mini"


def send(world, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=30)
    try:
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def chat(text="hello"):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


def bearer(world, token="APP_TOKEN"):
    return {"authorization": f"Bearer {world.environment[token]}", "content-type": "application/json"}


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_a_token_is_taken_from_each_header(world, header):
    token = world.environment["APP_TOKEN"]
    value = f"Bearer {token}" if header == "authorization" else token
    headers = {header: value, "content-type": "application/json"}
    status, _, _ = send(world, "POST", "/v1/acme/main/openai/chat/completions", chat(), headers)
    assert status == 200


def test_with_cf_aig_authorization_the_callers_own_provider_key_is_used(world, unique):
    headers = {**bearer(world), "cf-aig-authorization": f"Bearer {world.environment['APP_TOKEN']}"}
    headers["authorization"] = "Bearer sk-my-own-key"
    status, _, _ = send(world, "POST", "/v1/acme/main/openai/chat/completions", chat(unique), headers)
    assert status == 200
    sent = next(dict(request["headers"]) for request in reversed(world.received()) if unique in request["body"])
    assert sent["authorization"] == "Bearer sk-my-own-key"
    assert "cf-aig-authorization" not in sent


def test_the_stored_key_replaces_the_token(world, unique):
    send(world, "POST", "/v1/acme/main/openai/chat/completions", chat(unique), bearer(world))
    sent = next(dict(request["headers"]) for request in reversed(world.received()) if unique in request["body"])
    assert sent["authorization"] == f"Bearer {world.environment['PROVIDER_KEY']}"
    assert world.environment["APP_TOKEN"] not in json.dumps(sent)


OPENAI = "/v1/acme/main/openai/chat/completions"
REFUSALS = {
    "no token": ("POST", OPENAI, chat(), None, 401, "missing_token"),
    "wrong token": ("POST", OPENAI, chat(), {"authorization": "Bearer weir_wrong_00000000000"}, 401, "invalid_token"),
    "another team": ("POST", "/v1/other/cached/openai/chat/completions", chat(), "APP_TOKEN", 404, "unknown_team"),
    "unknown gateway": ("POST", "/v1/acme/nowhere/openai/chat/completions", chat(), "APP_TOKEN", 404, "unknown_gateway"),
    "disabled gateway": ("POST", "/v1/acme/closed/openai/chat/completions", chat(), "APP_TOKEN", 403, "gateway_disabled"),
    "gateway out of scope": ("POST", "/v1/acme/cached/openai/chat/completions", chat(), "SINGLE_TOKEN", 403, "token_not_allowed"),
    "model out of scope": ("POST", OPENAI, {**chat(), "model": "gpt-4.1"}, "MODEL_TOKEN", 403, "token_not_allowed"),
    "several gateways, none named": ("POST", "/v1/chat/completions", {**chat(), "model": f"openai/{MODEL}"}, "APP_TOKEN", 400, "gateway_required"),
    "unknown provider": ("POST", "/v1/acme/main/nobody/chat/completions", chat(), "APP_TOKEN", 404, "unknown_provider"),
    "no provider key": ("POST", "/v1/acme/main/deepseek/chat/completions", chat(), "APP_TOKEN", 400, "missing_provider_key"),
    "unknown route": ("POST", "/v1/nowhere", chat(), "APP_TOKEN", 404, "unknown_route"),
    "wrong method": ("GET", "/v1/chat/completions", None, "APP_TOKEN", 405, "method_not_allowed"),
    "broken JSON": ("POST", OPENAI, '{"model": ', "APP_TOKEN", 400, "invalid_json"),
    "no model": ("POST", "/v1/acme/main/compat/chat/completions", {"messages": []}, "APP_TOKEN", 400, "model_required"),
    "wrong content type": ("POST", "/v1/acme/main/compat/chat/completions", chat(), "TEXT", 415, "unsupported_content_type"),
    "a provider that answers with a web page": ("POST", "/v1/acme/main/compat/chat/completions", {**chat("mock-html"), "model": f"openai/{MODEL}"}, "APP_TOKEN", 502, "upstream_invalid"),
    "a provider that answers with half a document": ("POST", "/v1/acme/main/compat/chat/completions", {**chat("mock-malformed"), "model": "anthropic/claude-haiku-4-5"}, "APP_TOKEN", 502, "upstream_invalid"),
    "a provider that is not there": ("POST", "/v1/acme/main/groq/chat/completions", chat(), "APP_TOKEN", 502, "upstream_unreachable"),
    "a silent provider": ("POST", "/v1/acme/hasty/openai/chat/completions", chat("mock-silent"), "APP_TOKEN", 504, "upstream_timeout"),
    "a provider that hangs up": ("POST", OPENAI, chat("mock-reset"), "APP_TOKEN", 502, "upstream_reset"),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_each_fault_has_its_own_answer(world, case):
    method, path, body, credential, status, code = case
    if credential == "TEXT":
        credential = {**bearer(world), "content-type": "text/plain"}
    headers = {"content-type": "application/json", **(bearer(world, credential) if isinstance(credential, str) else credential or {})}
    got, answered, text = send(world, method, path, body, headers)
    error = json.loads(text)["error"]
    assert (got, error["code"]) == (status, code)
    assert len(error["message"]) > 20
    # A path that names no team belongs in nobody's log, unless the token does.
    if "/acme/" in path or credential == "APP_TOKEN":
        assert logged(world, answered["cf-aig-log-id"]) == (str(status), code)


def logged(world, request_id):
    """Status and code of a request's last row, once the writer has carried it into the database."""
    number = request_id.replace("-", "")
    sql = f"SELECT status, error_code FROM requests WHERE hex(request_id) = '{number.upper()}' AND last"
    until = time.monotonic() + 10
    while not (rows := world.select(sql)):
        assert time.monotonic() < until, f"{request_id} is not in the ledger"
        time.sleep(0.02)
    return rows[0]


def test_a_body_that_is_too_large_is_refused_early(world):
    headers = {**bearer(world), "content-length": str(10**12)}
    connection = http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=30)
    connection.putrequest("POST", OPENAI)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (413, "body_too_large")
    connection.close()


def test_refusals_are_the_sdks_own_errors(world):
    def client(gateway, token="APP_TOKEN"):
        return openai.OpenAI(base_url=world.path("acme", gateway, "openai"), api_key=world.environment[token], max_retries=0)

    messages = [{"role": "user", "content": "hello"}]
    for gateway, token, kind in [
        ("nowhere", "APP_TOKEN", openai.NotFoundError),
        ("closed", "APP_TOKEN", openai.PermissionDeniedError),
        ("cached", "OTHER_TOKEN", openai.NotFoundError),
    ]:
        with pytest.raises(kind):
            client(gateway, token).chat.completions.create(model=MODEL, messages=messages)


RESTRICTIONS = {
    "gateway": ("SINGLE_TOKEN", "cached", "may not use the gateway"),
    "model": ("MODEL_TOKEN", "main", "may not use the model"),
    "provider": ("PROVIDER_TOKEN", "main", "may not use the provider"),
    "endpoint": ("ENDPOINT_TOKEN", "main", "may not use the endpoint"),
    "address": ("ADDRESS_TOKEN", "main", "may not be used from the address 127.0.0.1"),
}


@pytest.mark.parametrize("case", RESTRICTIONS.values(), ids=RESTRICTIONS.keys())
def test_each_restriction_of_a_token_is_the_sdks_own_refusal(world, case):
    token, gateway, words = case
    key, compat = world.environment[token], world.path("acme", gateway, "compat")
    messages = [{"role": "user", "content": "hello"}]
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client = openai.OpenAI(base_url=compat, api_key=key, max_retries=0)
        client.chat.completions.create(model="openai/gpt-4.1", messages=messages)
    assert refused.value.code == "token_not_allowed"
    assert words in refused.value.message
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client = anthropic.Anthropic(base_url=compat, api_key=key, max_retries=0)
        client.messages.create(model="anthropic/claude-haiku-4-5", max_tokens=10, messages=messages)
    assert refused.value.body["error"]["type"] == "permission_error"
    assert words in refused.value.body["error"]["message"]
    with pytest.raises(google.genai.errors.ClientError) as refused:
        options = google.genai.types.HttpOptions(base_url=compat)
        client = google.genai.Client(api_key=key, http_options=options)
        client.models.generate_content(model="google-ai-studio/gemini-2.5-flash", contents="hello")
    assert (refused.value.code, refused.value.status) == (403, "PERMISSION_DENIED")
    assert words in refused.value.message


def test_any_method_and_body_passes_through(world, unique):
    status, _, body = send(world, "PUT", f"/v1/acme/main/openai/v1/echo?a={unique.split()[1]}", b"\x00\x01raw", {**bearer(world), "content-type": "application/octet-stream"})
    seen = json.loads(body)
    assert (status, seen["method"], seen["path"], seen["query"]) == (200, "PUT", "/v1/echo", f"a={unique.split()[1]}")


def test_a_gateway_without_authentication_needs_no_token(world):
    status, _, _ = send(world, "POST", "/v1/acme/open/openai/chat/completions", chat(), {"content-type": "application/json"})
    assert status == 200
