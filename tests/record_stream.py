"""Streams of records for tests."""

import io

from gluon_ssd.data.recordio import write_record


def frame(*payloads: bytes) -> bytes:
    """Return payloads as a RecordIO file has them."""
    stream = io.BytesIO()
    for payload in payloads:
        write_record(stream, payload)
    return stream.getvalue()
