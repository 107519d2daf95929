"""The picture of the pipeline has everything that a stack is made of, by its name, and is readable."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from countagg.core.names import BY_DATE_INDEX, Names
from countagg.provision.settings import DEFAULT_OUTPUT_PREFIX, DEFAULT_PREFIX
from tests.provision.stacks import IDS
from tests.readme import README, ROOT

PICTURE = ROOT / "docs" / "pipeline.svg"
SVG = "{http://www.w3.org/2000/svg}"
ROOT_ELEMENT = ET.fromstring(PICTURE.read_text())  # noqa: S314 - our own file
BOXES = [group for group in ROOT_ELEMENT.iter(f"{SVG}g") if group.find(f"{SVG}rect") is not None]
DRAWN = {group.attrib["data-resource"]: group for group in BOXES if "data-resource" in group.attrib}
KINDS = {
    "topic": "SNS topic",
    "queue": "SQS queue",
    "table": "DynamoDB table",
    "function": "Lambda function",
    "bucket": "S3 bucket",
}
NAMES = Names("countagg")
NAMED = {
    "topic/uploads": NAMES.uploads,
    "topic/alerts": NAMES.alerts,
    "queue/uploads": NAMES.uploads,
    "queue/dead-letters": NAMES.dead_letters,
    "table/snapshots": NAMES.snapshots,
    "table/totals": NAMES.totals,
    "table/counters": NAMES.counters,
    "function/processor": NAMES.processor,
    "function/aggregator": NAMES.aggregator,
    "function/publisher": NAMES.publisher,
}


def texts(group: ET.Element) -> list[str]:
    return [each.text or "" for each in group.iter(f"{SVG}text")]


def number(element: ET.Element, name: str) -> float:
    return float(element.attrib[name])


def test_it_has_every_topic_queue_table_and_function_of_a_stack_and_the_bucket() -> None:
    assert set(DRAWN) == {each for each in IDS if each.partition("/")[0] in KINDS}
    assert set(NAMED) == set(DRAWN) - {"bucket"}


@pytest.mark.parametrize("resource", DRAWN)
def test_each_bears_its_kind_and_its_name(resource: str) -> None:
    kind, name, *_ = texts(DRAWN[resource])

    assert kind == KINDS[resource.partition("/")[0]]
    assert name == NAMED.get(resource, "your-bucket")


def test_it_tells_index_and_keys() -> None:
    everything = " ".join(texts(ROOT_ELEMENT))

    assert f"index {BY_DATE_INDEX}" in everything
    assert f"{DEFAULT_PREFIX}YYYY-MM-DD/ values_INSTANCE-ID" in everything
    assert f"{DEFAULT_OUTPUT_PREFIX}YYYY-MM-DD" in everything


def test_texts_fit_their_boxes_and_boxes_stand_apart_in_the_picture() -> None:
    _, _, width, height = map(float, ROOT_ELEMENT.attrib["viewBox"].split())
    edges = []
    for group in BOXES:
        box = group.find(f"{SVG}rect")
        assert box is not None
        left, top = number(box, "x"), number(box, "y")
        right, bottom = left + number(box, "width"), top + number(box, "height")
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        edges.append((left, top, right, bottom))
        for text in group.iter(f"{SVG}text"):
            # The mean width of a letter, in bold of 12.5 pixels and in plain of 11.
            letter = 7.6 if text.get("class") == "name" else 6.3
            assert left < number(text, "x")
            assert number(text, "x") + letter * len(text.text or "") < right + 4
            assert top + 10 < number(text, "y") < bottom - 4
    for (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) in combinations(edges, 2):
        assert right < left_2 or right_2 < left or bottom < top_2 or bottom_2 < top


def test_it_is_seen_on_light_and_on_dark_and_needs_nothing_from_elsewhere() -> None:
    source = PICTURE.read_text()

    assert set(re.findall(r"[a-z]+://[^\"<\s]+", source)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in source
    assert "@font-face" not in source
    # White on each of the boxes, and the arrows on white and on black, stand out by three to one and more.
    boxes = re.findall(r"^\.\w+ rect \{ fill: (#\w+)", source, re.MULTILINE)
    (arrow,) = re.findall(r"stroke: (#\w+)", source)
    assert len(boxes) == 4
    assert all(contrast("#ffffff", box) >= 4.5 for box in boxes)
    assert min(contrast(arrow, "#ffffff"), contrast(arrow, "#0d1117")) >= 3


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours' luminance, as WCAG 2 has it."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_readme_begins_with_it() -> None:
    assert "](docs/pipeline.svg)" in README.partition("\n## Try it")[0]
