"""Make the same documents on every run: sources, XML, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

WORDS = """
account amount anchor balance border branch budget bundle cargo carrier channel charge
client column contract copper corner credit custom delivery depot discount district
document engine export factor figure freight garden harbour import invoice journal
kernel ledger license margin market member metal number object office order packet
parcel partner payment pocket policy port premium price product profit quarter quota
rebate receipt record region report reserve return route sample season sector service
share signal silver source station statement stock supply table target tariff tenant
ticket timber token trade transfer transit trust unit value vendor vessel voucher
warehouse weight window yield zone
"""
VOCABULARY = WORDS.split()


@cache
def sources(least: int = 5_000, most: int = 40_000) -> list[str]:
    """Return the texts of the standard library's own modules within a size in bytes."""
    folder = Path(os.__file__).parent
    files = sorted(path for path in folder.glob("*.py") if least <= path.stat().st_size <= most)
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def sentence(rng: random.Random, length: int) -> str:
    """Return some words."""
    return " ".join(rng.choices(VOCABULARY, k=length))


def order_xml(rng: random.Random, lines: int) -> str:
    """Return an order with so many lines as XML."""
    rows = "".join(
        f'<line id="{n}" unit="{rng.choice(VOCABULARY)}"><item>{sentence(rng, 3)}</item>'
        f"<amount>{rng.randrange(1, 90)}</amount><price>{rng.random() * 90:.2f}</price></line>"
        for n in range(lines)
    )
    return f'<order customer="{rng.randrange(9_999)}"><lines>{rows}</lines></order>'


def page_html(rng: random.Random, rows: int) -> str:
    """Return a web page with a table of so many rows and some text."""
    body = "".join(
        f'<tr class="row"><td><a href="/item/{n}">{sentence(rng, 2)}</a></td>'
        f"<td>{rng.randrange(10_000)}</td><td><span>{sentence(rng, 4)}</span></td></tr>"
        for n in range(rows)
    )
    paragraphs = "".join(f"<p>{sentence(rng, 30)}</p>" for _ in range(rows // 4))
    title = sentence(rng, 4)
    return (
        f"<html><head><title>{title}</title></head><body><div id='main'><h1>{title}</h1>"
        f"{paragraphs}<table>{body}</table></div></body></html>"
    )


def record(rng: random.Random, number: int) -> dict[str, object]:
    """Return one record as a service would send it."""
    return {
        "id": number,
        "name": sentence(rng, 2),
        "tags": rng.sample(VOCABULARY, 4),
        "address": {"street": sentence(rng, 2), "no": rng.randrange(400), "zip": "10999"},
        "orders": [{"sku": rng.choice(VOCABULARY), "n": rng.randrange(9)} for _ in range(3)],
    }


def records_json(rng: random.Random, count: int) -> str:
    """Return so many records as JSON."""
    return json.dumps([record(rng, n) for n in range(count)])


def table_csv(rng: random.Random, rows: int) -> str:
    """Return a table of so many rows as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "region", "product", "amount", "price"])
    for n in range(rows):
        region, product = rng.choices(VOCABULARY, k=2)
        writer.writerow([n, region, product, rng.randrange(90), f"{rng.random() * 90:.2f}"])
    return out.getvalue()
