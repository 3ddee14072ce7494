"""One annotation in PASCAL VOC's XML."""

import pytest

from gluon_ssd.data.voc import VocAnnotation, VocError, VocObject, parse

WHOLE = b"""<?xml version="1.0"?>
<!-- as VOC2007 has it -->
<annotation>
  <folder>VOC2007</folder><filename> 000001.jpg </filename>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <object>
    <name>dining
      table</name><pose>Left</pose><truncated>1</truncated><difficult>1</difficult>
    <bndbox><xmin>48</xmin><ymin>240.5</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  </object>
  <object>
    <bndbox><ymax>500</ymax><xmax>352</xmax><xmin>8</xmin><ymin>12</ymin></bndbox><name>dog</name>
  </object>
</annotation>
"""


def test_an_annotation_tells_name_size_and_objects() -> None:
    assert parse(WHOLE) == VocAnnotation(
        filename="000001.jpg",
        size=(353, 500),
        objects=(
            VocObject("dining table", (48, 240.5, 195, 371), difficult=True),
            VocObject("dog", (8, 12, 352, 500), difficult=False),
        ),
    )


@pytest.mark.parametrize(("text", "difficult"), [("1", True), ("true", True), ("0", False), ("", False), ("2", False)])
def test_an_object_is_difficult_where_it_says_so(text: str, difficult: bool) -> None:  # noqa: FBT001 - a table
    document = f"<annotation><object><difficult> {text}\n</difficult></object></annotation>"
    assert parse(document.encode()).objects == (VocObject("", None, difficult=difficult),)


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>1e300</width><height>20</height></size>",
        "<size><width>40</width><height>inf</height></size>",
        "<size><width>40.5</width><height>20</height></size>",
    ],
)
def test_what_is_missing_or_no_number_is_none(size: str) -> None:
    box = "<bndbox><xmin>left</xmin><ymin>1</ymin><xmax>2</xmax><ymax>inf</ymax></bndbox>"
    annotation = parse(f"<annotation>{size}<object>{box}</object></annotation>".encode())
    assert annotation == VocAnnotation("", None, (VocObject("", None, difficult=False),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected XML, got a mistake: no element found"),
        (b"<annotation>", "expected XML, got a mistake: no element found"),
        (b"{}", "expected XML, got a mistake: not well-formed"),
        (b"<annotation>\xff</annotation>", "expected XML, got a mistake: not well-formed"),
        (b'<?xml version="1.0" encoding="none"?><annotation/>', "expected XML, got a mistake: unknown encoding"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>',
            "expected XML, got a mistake: EntitiesForbidden",
        ),
        (b"<annotations><image/></annotations>", "expected the element <annotation> of PASCAL VOC, got <annotations>"),
    ],
)
def test_what_is_no_annotation_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(VocError) as caught:
        parse(content)
    assert str(caught.value).startswith(message)
