#!/usr/bin/env python3
"""Makes book.json out of a model catalogue: `generate.py models.json AS_OF > book.json`.

Only figures are taken over, as decimal texts of dollars.
 - What the gateway cannot observe is left out: sessions, video seconds, steps, text messages. A model that is billed by nothing
   else has no row: its cost is unknown.
 - What is billed by unit has no price for its tokens.
 - Lifetimes of a cache: the shortest is the usual one, then an hour and twelve hours.
 - A change of prices names the usual rates only. The other ways of being served keep their ratio to them.
 - A search of the web at 35 dollars a thousand is Google's for models that bill each answer with a search once.
 - Perplexity's requests are billed by how much is searched for them.
 - Groq bills ten seconds of speech at least.
"""
import json
import sys
from decimal import ROUND_HALF_UP, Decimal

KINDS = {
    "input": "input",
    "cached_input": "cached_input",
    "explicit_cached_input": "explicit_cached_input",
    "cached_audio_input": "cached_audio_input",
    "cached_image_input": "cached_image_input",
    "cache_write_1h": "cache_write_1h",
    "cache_write_12h": "cache_write_12h",
    "audio_input": "audio_input",
    "image_input": "image_input",
    "video_input": "video_input",
    "output": "output",
    "reasoning_output": "reasoning",
    "citation_output": "citation",
    "audio_output": "audio_output",
    "image_output": "image_output",
    "video_output": "video_output",
}
SHORT = ("cache_write_5m", "cache_write_30m")
UNITS = {
    "per_hour_audio_input": "per_hour_audio",
    "per_million_characters": "per_million_characters",
    "per_1k_queries": "per_thousand_searches",
    "per_1k_pages": "per_thousand_pages",
    "per_1k_annotated_pages": "per_thousand_annotated_pages",
    "per_1k_file_searches": "per_thousand_file_searches",
    "per_image": "per_image",
    "per_image_input": "per_image_read",
}
INSTEAD = {"per_hour_audio", "per_million_characters", "per_thousand_searches", "per_thousand_pages", "per_image", "per_image_by_variant"}
NANO = Decimal("0.000000001")


def figure(value):
    return format(Decimal(value).quantize(NANO, ROUND_HALF_UP).normalize(), "f")


def rates(source):
    found = {ours: figure(source[theirs]) for theirs, ours in KINDS.items() if theirs in source}
    short = next((source[name] for name in SHORT if name in source), None)
    if short is not None:
        found["cache_write"] = figure(short)
    order = list(KINDS.values())
    order.insert(order.index("cache_write_1h"), "cache_write")
    return {name: found[name] for name in order if name in found}


def units(model, source):
    found = {ours: figure(source[theirs]) for theirs, ours in UNITS.items() if theirs in source}
    if "per_image_by_variant" in source:
        found["per_image_by_variant"] = {name: figure(text) for name, text in sorted(source["per_image_by_variant"].items())}
    web = source.get("per_1k_web_searches")
    if isinstance(web, dict):
        found["per_thousand_requests_by_context"] = {size: figure(web[size]) for size in ("low", "medium", "high")}
    elif web == "35" and model["provider"] in ("google", "vertex"):
        found["per_thousand_grounded_prompts"] = figure(web)
    elif web is not None and model["provider"] != "groq":
        found["per_thousand_web_searches"] = figure(web)
    if model["provider"] == "groq" and "per_hour_audio" in found:
        found["minimum_audio_seconds"] = 10
    return found


def by_token(model):
    return model["billing"] in ("tokens", "free") and ("input" in model["prices"] or "audio_input" in model["prices"])


def tiers(source):
    bound = {">": "above", ">=": "from"}
    found = [{bound[tier["op"]]: tier["threshold"], "rates": rates(tier)} for tier in source.get("tiers") or []]
    return sorted(found, key=lambda tier: tier.get("above", tier.get("from")))


def prices(model, source, own_units):
    """Rates, tiers and units of one way of being served."""
    out = {}
    if by_token(model) and rates(source):
        out["rates"] = rates(source)
    if tiers(source):
        out["tiers"] = tiers(source)
    if units(model, own_units):
        out["units"] = units(model, own_units)
    return out


def discounted(model, off):
    """The usual prices less a share of them."""
    less = lambda source: {name: str(Decimal(text) * (1 - off)) if name in KINDS or name in SHORT else text for name, text in source.items()}
    source = less(model["prices"])
    source["tiers"] = [less(tier) for tier in model.get("tiers") or []]
    return source


def services(model):
    out = {}
    batch = model.get("batch")
    if batch:
        source = discounted(model, Decimal(batch["discount"])) if "discount" in batch else batch
        found = prices(model, source, source.get("units") or {})
        if found:
            out["batch"] = found
    named = {tier: prices(model, source, source.get("units") or {}) for tier, source in (model.get("service_tiers") or {}).items()}
    if named:
        out["service_tiers"] = named
    return out


def change(model, source):
    """What holds from a day on."""
    ratio = {name: Decimal(source[name]) / Decimal(model["prices"][name]) for name in ("input", "output")}
    scale = lambda old: {name: figure(Decimal(text) * ratio["output" if "output" in name else "input"]) for name, text in old.items() if name in KINDS}
    assert not model.get("tiers"), model["model"]
    out = {"from": source["from"], "rates": rates(source)}
    if units(model, model.get("units") or {}):
        out["units"] = units(model, model["units"])
    if model.get("batch"):
        out["batch"] = {"rates": rates(scale(model["batch"]))}
    if model.get("service_tiers"):
        out["service_tiers"] = {tier: {"rates": rates(scale(old))} for tier, old in model["service_tiers"].items()}
    return out


def row(model):
    out = {"provider": model["provider"], "model": model["model"]}
    for name in ("aliases", "mode", "context_window", "max_output_tokens"):
        if model.get(name):
            out[name] = model[name]
    out.update(prices(model, {**model["prices"], "tiers": model.get("tiers")}, model.get("units") or {}))
    out.update(services(model))
    if model.get("off_peak"):
        out["off_peak"] = {"windows": model["off_peak"]["windows"], "rates": rates(model["off_peak"])}
    if model.get("price_changes"):
        out["changes"] = [change(model, item) for item in sorted(model["price_changes"], key=lambda item: item["from"])]
    if model.get("multipliers"):
        out["multipliers"] = model["multipliers"]
    if model.get("by_backend"):
        out["backends"] = {name: rates(source) for name, source in sorted(model["by_backend"].items())}
    return out


def is_billed(out):
    return "rates" in out or INSTEAD & set(out.get("units") or {})


def main():
    models = json.load(open(sys.argv[1], encoding="utf-8"))
    rows = [out for out in map(row, models) if is_billed(out)]
    lines = ",\n".join(json.dumps(out, ensure_ascii=False, separators=(",", ":")) for out in rows)
    print(f'{{"version":1,"as_of":"{sys.argv[2]}","rows":[\n{lines}\n]}}')


main()
