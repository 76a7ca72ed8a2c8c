#!/usr/bin/env python3
"""Makes book.json out of a model catalogue: `generate.py models.json > book.json`.

Only figures are taken over. Prices are dollars per million tokens, as decimal texts.
 - Rows that are not billed by token, or whose tokens of the plain kind have no price, are left out: their cost is unknown.
 - Models that answer with pictures: output tokens are priced as picture tokens, reasoning as text.
 - The shortest cache lifetime is the usual one.
 - `>=` becomes `>` of one token less.
"""
import datetime
import json
import sys
from decimal import ROUND_HALF_UP, Decimal

PLAIN = ["input", "output", "cached_input", "cache_write_1h", "audio_input", "audio_output", "reasoning_output"]
NANO = Decimal("0.000000001")


def figure(text):
    value = Decimal(text).quantize(NANO, ROUND_HALF_UP)
    return format(value.normalize(), "f")


def rates(source):
    found = {name: source[name] for name in PLAIN if name in source}
    for name in ("cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h"):
        if name in source:
            found["cache_write"] = source[name]
            break
    if "image_output" in source:
        if "output" in source:
            found["reasoning_output"] = source["output"]
        found["output"] = source["image_output"]
    return {name: figure(text) for name, text in found.items()}


def minute(text):
    hour, minutes = text.split(":")
    return int(hour) * 60 + int(minutes)


def windows(source):
    spans = []
    for window in source:
        for hours in window["hours_utc"]:
            start, end = (minute(part) for part in hours.split("-"))
            spans.append({"weekdays": window["weekdays"], "from_minute": start, "to_minute": end or 24 * 60})
    return spans


def change(source):
    day = datetime.datetime.fromisoformat(source["from"]).replace(tzinfo=datetime.timezone.utc)
    return {"from_ms": int(day.timestamp()) * 1000, "rates": rates(source)}


def row(model):
    out = {"provider": model["provider"], "model": model["model"]}
    for name in ("aliases", "mode", "context_window", "max_output_tokens"):
        if model.get(name):
            out[name] = model[name]
    out["rates"] = rates(model["prices"])
    if model.get("tiers"):
        tiers = [
            {"above": tier["threshold"] - (1 if tier["op"] == ">=" else 0), "rates": rates(tier)}
            for tier in model["tiers"]
        ]
        out["tiers"] = sorted(tiers, key=lambda tier: tier["above"])
    if model.get("off_peak"):
        out["off_peak"] = {"windows": windows(model["off_peak"]["windows"]), "rates": rates(model["off_peak"])}
    if model.get("price_changes"):
        out["changes"] = sorted((change(item) for item in model["price_changes"]), key=lambda item: item["from_ms"])
    return out


def main():
    models = json.load(open(sys.argv[1], encoding="utf-8"))
    kept = [model for model in models if model["billing"] in ("tokens", "free") and "input" in model["prices"]]
    lines = [json.dumps(row(model), ensure_ascii=False, separators=(",", ":")) for model in kept]
    print("[\n" + ",\n".join(lines) + "\n]")


main()
