"""Pays with OpenAI's own Python SDK. stdin: {base_url, model, prompt, tokens: {plain, stream, wrong_model}}; stdout: what happened, as JSON."""

import json
import sys

from openai import APIStatusError, OpenAI

order = json.load(sys.stdin)
messages = [{"role": "user", "content": order["prompt"]}]


def client(name):
    return OpenAI(base_url=order["base_url"], api_key=order["tokens"][name])


def attempt(name, model):
    try:
        client(name).chat.completions.create(model=model, messages=messages)
        return {"error": None}
    except APIStatusError as error:
        return {"error": type(error).__name__, "status": error.status_code, "code": error.code}


def plain():
    raw = client("plain").chat.completions.with_raw_response.create(model=order["model"], messages=messages)
    answer = raw.parse()
    return {
        "text": answer.choices[0].message.content,
        "cost_msat": answer.usage.cost["total_msats"],
        "balance_msat": answer.usage.cost["remaining_balance_msats"],
        "change": raw.headers["x-cashu"],
    }


def stream():
    text, last = "", None
    for chunk in client("stream").chat.completions.create(model=order["model"], messages=messages, stream=True):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        last = chunk
    return {
        "text": text,
        "cost_msat": last.usage.cost["total_msats"],
        "balance_msat": last.usage.cost["remaining_balance_msats"],
        "change": last.x_cashu,
    }


print(
    json.dumps(
        {
            "plain": plain(),
            "stream": stream(),
            "wrong_model": attempt("wrong_model", "no-such-model"),
            "spent": attempt("spent", order["model"]),
            "garbage": attempt("garbage", order["model"]),
        }
    )
)
