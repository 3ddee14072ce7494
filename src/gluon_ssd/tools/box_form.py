"""The ways in which data sets write a box as four numbers."""

from enum import Enum

Numbers = tuple[float, float, float, float]
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class BoxForm(Enum):
    """What the four numbers of a box are called.

    VOC: pixels that count from 1, both ends inside; a box over the whole image is 1, 1, width, height.
    CORNERS: edges in pixels from the left and the top; the whole image is 0, 0, width, height.
    COCO: the same with width and height for the second corner.
    YOLO: center, width and height in fractions of the image; the whole image is 0.5, 0.5, 1, 1.
    """

    # What the numbers are called; a fifth word, since members of equal values would be one and the same.
    VOC = (*_CORNERS, "from 1")
    CORNERS = (*_CORNERS, "from 0")
    COCO = ("left", "top", "width", "height")
    YOLO = ("center x", "center y", "width", "height")

    def show(self, numbers: Numbers) -> str:
        """Return the box as it was written, each number with its name."""
        pairs = (f"{name} {number:.10g}" for name, number in zip(self.value, numbers, strict=False))
        return f"({', '.join(pairs)})"

    def has_area(self, numbers: Numbers) -> bool:
        """Tell whether the box covers anything.

        One that begins and ends in the same column has the width of one pixel by VOC's counting, but it is a slip of
        the mouse and no object.
        """
        first, second, third, fourth = numbers
        if self in (BoxForm.VOC, BoxForm.CORNERS):
            return third > first and fourth > second
        return third > 0 and fourth > 0

    def edges(self, numbers: Numbers, size: tuple[int, int]) -> Numbers:
        """Return xmin, ymin, xmax, ymax in pixels from the left and the top of an image of that width and height."""
        first, second, third, fourth = numbers
        match self:
            case BoxForm.VOC:
                return first - 1, second - 1, third, fourth
            case BoxForm.CORNERS:
                return numbers
            case BoxForm.COCO:
                return first, second, first + third, second + fourth
            case BoxForm.YOLO:
                width, height = size
                return (
                    (first - third / 2) * width,
                    (second - fourth / 2) * height,
                    (first + third / 2) * width,
                    (second + fourth / 2) * height,
                )
