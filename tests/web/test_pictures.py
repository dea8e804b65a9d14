"""Rendered resources and thumbnails are pictures of the right thing, size, type and window."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from tests.builders import ct_series, ct_slice, enhanced_mr, sr, us_cine, us_still, x_ray
from tests.web.conftest import Store
from tests.web.requests import instance_path, parts_of, series_path, study_path

PNG = {"Accept": "image/png"}


def picture(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "JPEG"),
        ("*/*", "JPEG"),
        ("image/*", "JPEG"),
        ("image/jpeg", "JPEG"),
        ("image/png", "PNG"),
        ("image/gif", "GIF"),
        ("text/html, image/png;q=0.9", "PNG"),
    ],
)
def test_a_picture_is_of_the_type_asked_for(
    web: httpx.Client, store: Store, accept: str | None, kind: str
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/rendered", headers={"Accept": accept} if accept else {})

    assert picture(answer).format == kind
    assert answer.headers["content-type"] == f"image/{kind.lower()}"


@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
def test_another_type_is_406(web: httpx.Client, store: Store, resource: str) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/{resource}", headers={"Accept": "application/zip"})

    assert answer.status_code == 406


def test_the_accept_parameter_goes_before_the_header(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(
        f"{instance_path(ds)}/rendered", params={"accept": "image/png"}, headers={"Accept": "*/*"}
    )

    assert picture(answer).format == "PNG"


def test_the_window_asked_for_is_applied(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)
    values = ds.pixel_array.astype(float) - 1024
    # PS3.3 C.11.2.1.2.1 for center 0, width 200.
    expected = np.clip(((values + 0.5) / 199 + 0.5) * 255, 0, 255)

    answer = web.get(
        f"{instance_path(ds)}/rendered", params={"window": "0,200,linear"}, headers=PNG
    )

    shown = np.asarray(picture(answer).convert("L")).astype(float)
    assert np.abs(shown - expected).max() <= 1


def test_text_on_the_picture_is_not_promised(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    plain = web.get(f"{instance_path(ds)}/rendered")
    asked = web.get(f"{instance_path(ds)}/rendered", params={"annotation": "patient,technique"})

    assert asked.content == plain.content
    assert asked.headers["warning"] == (
        '299 pacs "The parameter annotation is not supported and was ignored."'
    )
    assert "warning" not in plain.headers


def test_a_viewport_bounds_the_picture_and_keeps_its_shape(web: httpx.Client, store: Store) -> None:
    ds = x_ray(rows=96, columns=48)
    store(ds)

    answer = web.get(f"{instance_path(ds)}/rendered", params={"viewport": "48,48"}, headers=PNG)

    assert picture(answer).size == (24, 48)


@pytest.mark.parametrize("path_of", [study_path, series_path, instance_path])
def test_a_thumbnail_of_anything_is_a_small_jpeg(
    web: httpx.Client, store: Store, path_of: object
) -> None:
    ds = x_ray(rows=400, columns=300)
    store(ds)

    answer = web.get(f"{path_of(ds)}/thumbnail")  # type: ignore[operator]  # one of three functions

    assert picture(answer).format == "JPEG"
    assert picture(answer).size == (120, 160)


def test_the_picture_of_a_series_is_the_one_in_its_middle(web: httpx.Client, store: Store) -> None:
    slices = ct_series(5)
    store(*slices)

    of_series = web.get(f"{series_path(slices[0])}/rendered", headers=PNG)
    of_middle = web.get(f"{instance_path(slices[2])}/rendered", headers=PNG)

    assert of_series.content == of_middle.content


def test_a_study_shows_its_first_series_with_pixels(web: httpx.Client, store: Store) -> None:
    report = sr(series_number=1)
    ds = us_still(study_instance_uid=report.StudyInstanceUID, series_number=2)
    store(report, ds)

    of_study = web.get(f"{study_path(ds)}/rendered", headers=PNG)
    of_series = web.get(f"{series_path(report)}/rendered", headers=PNG)

    assert picture(of_study).size == (ds.Columns, ds.Rows)
    assert of_series.status_code == 406
    assert "no pictures" in of_series.json()["detail"]


def test_a_frame_is_shown_by_its_number(web: httpx.Client, store: Store) -> None:
    ds = enhanced_mr(frames=3)
    store(ds)

    one, three = (
        web.get(f"{instance_path(ds)}/frames/{number}/rendered", headers=PNG) for number in (1, 3)
    )
    several = web.get(f"{instance_path(ds)}/frames/1,3/rendered", headers=PNG)
    beyond = web.get(f"{instance_path(ds)}/frames/4/rendered", headers=PNG)

    assert one.content != three.content
    assert several.status_code == 406
    assert beyond.status_code == 404


def test_a_cine_moves_as_a_gif_at_its_true_speed(web: httpx.Client, store: Store) -> None:
    ds = us_cine(frames=5, frame_time="50")
    store(ds)

    film = picture(
        web.get(
            f"{instance_path(ds)}/rendered",
            params={"viewport": "32,32"},
            headers={"Accept": "image/gif"},
        )
    )

    assert (film.format, film.size, film.info["duration"]) == ("GIF", (32, 24), 50)
    assert getattr(film, "n_frames", 1) == 5


@pytest.mark.parametrize("kind", ["image/jpeg", "image/gif"])
def test_a_thumbnail_and_a_single_frame_of_a_cine_stand_still(
    web: httpx.Client, store: Store, kind: str
) -> None:
    ds = us_cine(frames=5)
    store(ds)

    for resource in ("thumbnail", "frames/2/rendered"):
        still = picture(web.get(f"{instance_path(ds)}/{resource}", headers={"Accept": kind}))
        assert getattr(still, "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("frames", "viewport", "reason"),
    [(1001, "8,8", "at most 1000 frames"), (5, "16000,16000", "a smaller viewport")],
)
def test_a_film_that_would_cost_too_much_is_406(
    web: httpx.Client, store: Store, frames: int, viewport: str, reason: str
) -> None:
    ds = us_cine(frames=frames, rows=2, columns=2)
    store(ds)

    answer = web.get(
        f"{instance_path(ds)}/rendered",
        params={"viewport": viewport},
        headers={"Accept": "image/gif"},
    )

    assert answer.status_code == 406
    assert reason in answer.json()["detail"]


def test_several_pictures_come_as_parts(web: httpx.Client, store: Store) -> None:
    slices = ct_series(3)
    store(*slices)

    parts = parts_of(
        web.get(
            f"{series_path(slices[0])}/rendered",
            headers={"Accept": 'multipart/related; type="image/png"'},
        )
    )

    singles = [web.get(f"{instance_path(ds)}/rendered", headers=PNG).content for ds in slices]
    assert [part.content for part in parts] == singles


def test_a_thumbnail_is_not_sent_again_until_the_series_changes(
    web: httpx.Client, store: Store
) -> None:
    first, second = ct_series(2)
    store(first)
    url = f"{series_path(first)}/thumbnail"

    tag = web.get(url).headers["etag"]
    unchanged = web.get(url, headers={"If-None-Match": tag})
    store(second)
    changed = web.get(url, headers={"If-None-Match": tag})

    assert unchanged.status_code == 304
    assert changed.status_code == 200


def test_a_lower_quality_makes_a_smaller_jpeg(web: httpx.Client, store: Store) -> None:
    rng = np.random.default_rng(1)
    ds: Dataset = ct_slice(pixel_data=rng.integers(0, 4096, 4096, dtype=np.uint16).tobytes())
    store(ds)

    low, high = (
        web.get(f"{instance_path(ds)}/rendered", params={"quality": quality}).content
        for quality in ("5", "95")
    )

    assert len(low) < len(high)


@pytest.mark.parametrize(
    "parameters",
    [
        {"quality": "0"},
        {"quality": "101"},
        {"quality": "abc"},
        {"window": "40"},
        {"window": "40,0"},
        {"window": "40,-1,linear"},
        {"window": "nan,1"},
        {"window": "40,400,cubic"},
        {"window": "1e300,1e300"},
        {"viewport": "0,0"},
        {"viewport": "100"},
        {"viewport": "100,x"},
        {"viewport": "-5,5"},
        {"viewport": "99999999,99999999"},
        {"viewport": "10,10,0,0,0,0"},
        {"viewport": "10,10,5,5,inf,1"},
    ],
)
@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
def test_a_parameter_without_sense_is_400(
    web: httpx.Client, store: Store, resource: str, parameters: dict[str, str]
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/{resource}", params=parameters)

    assert answer.status_code == 400
    assert answer.json()["code"] == "request_invalid"
