"""What an inspection found, as text for a terminal and as JSON for programs."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gluon_ssd.errors import UserError
from gluon_ssd.tools.label_source import LabelSource
from gluon_ssd.tools.label_statistics import ClassCount, LabelStatistics, Spread
from gluon_ssd.tools.suspicious_labels import Suspicion

_WIDTH = 80
_TITLE = 18
_SHOWN = 3  # places of each kind
_CLASSES_SHOWN = 100
_IDS_SHOWN = 10
_NAME = 28
_SHARE = "% of the image's"


@dataclass(frozen=True, eq=False)
class Inspection:
    """All that is to be told of a data set.

    Attributes:
        label: what to call it.
        source: its labels.
        statistics: the numbers.
        suspicions: labels that look like mistakes.
        unused: class ids that no object has.
        unmatchable: how many objects are too small for the anchors, by network.
        unreadable: the images that cannot be decoded, and why.
        refusals: all that a job refuses.
    """

    label: str
    source: LabelSource
    statistics: LabelStatistics
    suspicions: Sequence[Suspicion]
    unused: Sequence[int]
    unmatchable: Mapping[str, int]
    unreadable: Mapping[int, str]
    refusals: Sequence[str]

    @property
    def hyperparameters(self) -> Mapping[str, int]:
        """What a job on it takes."""
        return {
            "num_classes": self.statistics.num_classes,
            "num_training_samples": self.statistics.images + self.source.left_out,
            "label_width": self.statistics.label_width,
        }

    def check(self) -> None:
        """Raise UserError where a job refuses something, with the first of it."""
        if self.refusals:
            more = f" (the first of {len(self.refusals):,} mistakes)" if len(self.refusals) > 1 else ""
            raise UserError(f"{self.refusals[0]}{more}")


def as_text(inspection: Inspection) -> str:
    """Return the report, lines of at most 80 columns but for the names of files."""
    statistics = inspection.statistics
    sections = {
        inspection.label: _counts(inspection),
        "Classes": _classes(statistics, inspection.unused),
        "Images": _images(inspection),
        "Boxes": _boxes(statistics, inspection.unmatchable),
        "Suspicious labels": _suspicions(inspection),
        "A job refuses": _first(inspection.refusals),
        "A job on it takes": [_hyperparameters(inspection.hyperparameters)],
    }
    blocks = [[title, *lines] for title, lines in sections.items()]
    return "\n\n".join("\n".join(block) for block in blocks if block[1:])


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Return the same for programs, with the places of all that is suspicious."""
    return {
        "data": inspection.label,
        "statistics": asdict(inspection.statistics),
        "unused_classes": list(inspection.unused),
        "too_small_for_anchors": dict(inspection.unmatchable),
        "unreadable": {inspection.source.where(image): why for image, why in inspection.unreadable.items()},
        "not_fetched": len(inspection.source.elsewhere),
        "suspicious": {
            suspicion.name: [_place(inspection.source, suspicion, position) for position in range(len(suspicion))]
            for suspicion in inspection.suspicions
        },
        "refused": list(inspection.refusals),
        "hyperparameters": dict(inspection.hyperparameters),
    }


def _counts(inspection: Inspection) -> Iterator[str]:
    statistics, left_out = inspection.statistics, inspection.source.left_out
    yield _line("images", f"{statistics.images + left_out:,}, {statistics.background:,} of them without objects")
    if left_out:
        yield _line("", f"{left_out:,} with a label that is none, left out below")
    difficult = f", {statistics.difficult:,} of them difficult" if statistics.difficult else ""
    yield _line("objects", f"{statistics.objects:,}{difficult}")
    dropped = statistics.without_area + statistics.outside
    why = f": {statistics.without_area:,} without area, {statistics.outside:,} outside the image" if dropped else ""
    yield _line("boxes dropped", f"{dropped:,}{why}")


def _classes(statistics: LabelStatistics, unused: Sequence[int]) -> Iterator[str]:
    yield f"  {'id':>5}  {'name':<{_NAME}}{'objects':>12}{'share':>9}{'images':>12}"
    for count in statistics.classes[:_CLASSES_SHOWN]:
        yield _class_line(count, statistics.objects)
    if len(statistics.classes) > _CLASSES_SHOWN:
        yield f"  and {len(statistics.classes) - _CLASSES_SHOWN:,} more"
    if len(unused):
        more = ", ..." if len(unused) > _IDS_SHOWN else ""
        ids = ", ".join(map(str, unused[:_IDS_SHOWN]))
        yield f"  class ids that no object has: {len(unused):,} ({ids}{more})"


def _class_line(count: ClassCount, total: int) -> str:
    name = textwrap.shorten(count.name or "", _NAME - 1, placeholder="...")
    share = _percent(count.objects, total)
    return f"  {count.class_id:>5}  {name:<{_NAME}}{count.objects:>12,}{share:>9}{count.images:>12,}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"


def _images(inspection: Inspection) -> Iterator[str]:
    statistics = inspection.statistics
    yield _spread("width", statistics.widths, "pixels")
    yield _spread("height", statistics.heights, "pixels")
    yield from _wrapped("format", [f"{kind}: {count:,}" for kind, count in statistics.kinds.items()])
    if inspection.source.elsewhere:
        yield _line("in S3", f"{len(inspection.source.elsewhere):,}, not fetched: known by their image_size alone")
    yield _line("unreadable", f"{len(inspection.unreadable):,}")
    for image in list(inspection.unreadable)[:_SHOWN]:
        yield f"    {inspection.source.where(image)}: {inspection.unreadable[image]}"


def _boxes(statistics: LabelStatistics, unmatchable: Mapping[str, int]) -> Iterator[str]:
    yield _spread("in an image", statistics.per_image, "boxes")
    yield from _bars("boxes: images", statistics.per_image_bars)
    yield _spread("width", statistics.box_widths, _SHARE)
    yield _spread("height", statistics.box_heights, _SHARE)
    yield from _bars("side: boxes", statistics.box_bars)
    yield "  too small to reach an IoU of 0.5 with any anchor:"
    for network, count in unmatchable.items():
        yield f"    {count:>12,}{_percent(count, statistics.objects):>9}  {network}"


def _suspicions(inspection: Inspection) -> Iterator[str]:
    if not inspection.suspicions:
        yield "  none"
    for suspicion in inspection.suspicions:
        yield _line(suspicion.name, f"{len(suspicion):,}  {suspicion.meaning}")
        for position in range(min(len(suspicion), _SHOWN)):
            yield f"    {_place(inspection.source, suspicion, position)}"


def _place(source: LabelSource, suspicion: Suspicion, position: int) -> str:
    image, row = suspicion.images[position], suspicion.rows[position]
    return source.where(image) if row < 0 else source.where_box(image, int(source.table.numbers[row]))


def _first(messages: Sequence[str]) -> Iterator[str]:
    yield from (f"  {message}" for message in messages[:_SHOWN])
    if len(messages) > _SHOWN:
        yield f"  and {len(messages) - _SHOWN:,} more"


def _hyperparameters(values: Mapping[str, int]) -> str:
    return f"  --hyperparameter {' '.join(f'{name}={value}' for name, value in values.items())}"


def _line(title: str, text: str) -> str:
    return f"  {title:<{_TITLE}}{text}"


def _spread(title: str, spread: Spread | None, unit: str) -> str:
    if spread is None:
        return _line(title, "not known")
    times, form = (100, "{:,.1f}") if unit is _SHARE else (1, "{:,.10g}")
    least, median, most = (form.format(times * number) for number in (spread.least, spread.median, spread.most))
    return _line(title, f"{least} to {most} {unit}, median {median}" if least != most else f"{least} {unit}")


def _bars(title: str, bars: Mapping[str, int]) -> Iterator[str]:
    return _wrapped(title, [f"{words}: {count:,}" for words, count in bars.items() if count])


def _wrapped(title: str, texts: Sequence[str]) -> Iterator[str]:
    # Blanks within a text must not be torn apart.
    text = " | ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in texts) or "none"
    lines = textwrap.wrap(text, _WIDTH - _TITLE - 2, break_long_words=False)
    for number, line in enumerate(lines):
        yield _line("" if number else title, line.replace("\N{NO-BREAK SPACE}", " "))
