"""What GluonCV's and Gluon's ImageNet classifiers see of a pixel: red, green and blue less MEAN, divided by DEVIATION.

Both are for values from 0 to 255, and are those that PyTorch's models have in common with Gluon's.
"""

MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)
