"""Makes the sheet of film behind the sign-in form from a folder with one CT series.

The sheet in src/signin/film.webp was made from dcm_qa_ct (github.com/neurolabusc/dcm_qa_ct,
In/GE, BSD-2-Clause), a public head CT, published for testing converters:

    python viewer/scripts/film_sheet.py FOLDER viewer/src/signin/film.webp
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

COLUMNS, ROWS = 5, 4
CELL_WIDTH, CELL_HEIGHT = 200, 232
CENTER_HU, WIDTH_HU = 40.0, 90.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    slices = [pydicom.dcmread(path) for path in sorted(arguments.folder.glob("*.dcm"))]
    slices.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    sheet = Image.new("L", (COLUMNS * CELL_WIDTH, ROWS * CELL_HEIGHT))
    first = max(0, len(slices) - COLUMNS * ROWS - 4)
    for number, dataset in enumerate(slices[first : first + COLUMNS * ROWS]):
        corner = ((number % COLUMNS) * CELL_WIDTH, (number // COLUMNS) * CELL_HEIGHT)
        sheet.paste(cell(dataset), corner)
    sheet.save(arguments.out, quality=55, method=6)


def cell(dataset: pydicom.Dataset) -> Image.Image:
    hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    shade = np.clip((hu - CENTER_HU) / WIDTH_HU + 0.5, 0, 1) * 255
    picture = Image.fromarray(shade.astype(np.uint8))
    scale = max(CELL_WIDTH / picture.width, CELL_HEIGHT / picture.height) * 0.98
    size = (round(picture.width * scale), round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    framed = Image.new("L", (CELL_WIDTH, CELL_HEIGHT))
    framed.paste(picture, ((CELL_WIDTH - size[0]) // 2, (CELL_HEIGHT - size[1]) // 2))
    return framed


if __name__ == "__main__":
    main()
