"""Images of a few bytes, all black, 40 pixels wide and 20 high."""

import cv2
import numpy as np

_PIXELS = np.zeros((20, 40, 3), np.uint8)
JPEG = cv2.imencode(".jpg", _PIXELS)[1].tobytes()
PNG = cv2.imencode(".png", _PIXELS)[1].tobytes()
BMP = cv2.imencode(".bmp", _PIXELS)[1].tobytes()
