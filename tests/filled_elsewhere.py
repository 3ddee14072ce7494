"""What another process does to shared images; a module that it can import, as those of tests cannot be."""

from gluon_ssd.data.shared_images import SharedImages


def fill(images: SharedImages, slot: int, value: int) -> None:
    """Fill a slot with one value."""
    images[slot][:] = value
