#!/usr/bin/env python3
"""Makes book.json out of a model catalogue: `generate.py models.json > book.json`.

Only figures are taken over. Prices are dollars per million tokens or other units, as decimal texts.
 - Rows that are billed by what the gateway does not count (pages, steps, sessions), or whose tokens of the plain kind have no
   price, are left out: their cost is unknown.
 - What is billed by unit has no price for its tokens. Hours become seconds, thousands and single pieces become millions.
 - Models that answer with pictures: output tokens are priced as picture tokens, reasoning as text.
 - The shortest cache lifetime is the usual one.
 - `>=` becomes `>` of one token less.
"""
import datetime
import json
import sys
from decimal import ROUND_HALF_UP, Decimal

PLAIN = ["input", "output", "cached_input", "cache_write_1h", "audio_input", "image_input", "audio_output", "reasoning_output"]
MILLION = 1_000_000
# Our unit, and how many of theirs a million of it are.
UNITS = {
    "per_hour_audio_input": ("audio_second", Decimal(MILLION) / 3600),
    "per_million_characters": ("character", Decimal(1)),
    "per_1k_queries": ("search", Decimal(1000)),
    "per_image": ("image", Decimal(MILLION)),
}
NANO = Decimal("0.000000001")


def figure(text, times=Decimal(1)):
    value = (Decimal(text) * times).quantize(NANO, ROUND_HALF_UP)
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


def units(source):
    found = {ours: figure(source[theirs], times) for theirs, (ours, times) in UNITS.items() if theirs in source}
    if "per_image_by_variant" in source:
        variants = source["per_image_by_variant"].items()
        found["images"] = {variant: figure(text, Decimal(MILLION)) for variant, text in sorted(variants)}
    return found


def by_token(model):
    return model["billing"] in ("tokens", "free") and "input" in model["prices"]


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
    if by_token(model):
        out["rates"] = rates(model["prices"])
    if units(model.get("units") or {}):
        out["units"] = units(model["units"])
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
    kept = [model for model in models if by_token(model) or units(model.get("units") or {})]
    lines = [json.dumps(row(model), ensure_ascii=False, separators=(",", ":")) for model in kept]
    print("[\n" + ",\n".join(lines) + "\n]")


main()
