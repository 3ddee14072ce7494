"""Images and what annotations say of them, whatever the form that these come in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gluon_ssd.data.pixel_labels import PixelLabels, numbered


@dataclass(frozen=True, eq=False)
class Annotated:
    """The n images of a channel that have annotations, and what these say.

    Attributes:
        image_files: the images' paths, relative to their channel, or their addresses.
        places: where the annotation of each is, for messages.
        labels: the boxes.
        class_names: the names of classes by id; None where the annotations contradict each other.
        ids_follow_names: whether the class ids were derived from the names, so that other names mean other ids.
        names_given: whether these names were given in order of their ids, not only found in the annotations.
        where_box: says, of the place of an annotation and the number of a box in it from 0, where the box is.
        mistakes: what is wrong with annotations whose images were left out for it, where that was asked for.
    """

    image_files: Sequence[str]
    places: Sequence[str]
    labels: PixelLabels
    class_names: Mapping[int, str] | None
    ids_follow_names: bool = False
    names_given: bool = False
    where_box: Callable[[str, int], str] = numbered
    mistakes: Sequence[str] = ()
